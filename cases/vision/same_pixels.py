"""Encodes a video with the ffmpeg that is given, reads it with cv2, and compares every pixel with what went in."""

import subprocess
import sys

import cv2
import numpy

ffmpeg, scratch = sys.argv[1:]
width, height, count = 128, 96, 10
raw, video = f"{scratch}/raw.bgr", f"{scratch}/video.mkv"
pattern = f"testsrc2=size={width}x{height}:rate=25:duration={count / 25}"
quiet = [ffmpeg, "-v", "error", "-y"]
picture = ["-f", "rawvideo", "-pix_fmt", "bgr24"]
subprocess.run([*quiet, "-f", "lavfi", "-i", pattern, *picture, raw], check=True)
size = ["-s", f"{width}x{height}", "-r", "25"]
subprocess.run([*quiet, *picture, *size, "-i", raw, "-c:v", "libx264rgb", "-qp", "0", video], check=True)

wanted = numpy.fromfile(raw, dtype=numpy.uint8).reshape(-1, height, width, 3)
capture = cv2.VideoCapture(video, cv2.CAP_FFMPEG)
if not capture.isOpened():
    sys.exit(f"cv2 cannot open {video} through FFmpeg: {cv2.getBuildInformation()}")
frames = []
while True:
    there, frame = capture.read()
    if not there:
        break
    frames.append(frame)
if len(frames) != count or len(wanted) != count:
    sys.exit(f"{len(frames)} frames were read, {len(wanted)} went in, and {count} were asked for")
different = [number for number, (one, other) in enumerate(zip(frames, wanted)) if not numpy.array_equal(one, other)]
if different:
    sys.exit(f"frames {different} have other pixels")
print(f"{count} frames, every pixel the same (OpenCV {cv2.__version__}, NumPy {numpy.__version__})")

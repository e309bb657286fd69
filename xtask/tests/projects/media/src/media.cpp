#include "media.hpp"

#include <memory>
#include <stdexcept>

#include <opencv2/imgproc.hpp>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

namespace {

void check(int status, const char *what) {
    if (status < 0) {
        throw std::runtime_error(std::string("cannot ") + what);
    }
}

struct Closer {
    void operator()(AVFormatContext *format) const { avformat_close_input(&format); }
    void operator()(AVCodecContext *codec) const { avcodec_free_context(&codec); }
    void operator()(AVPacket *packet) const { av_packet_free(&packet); }
    void operator()(AVFrame *frame) const { av_frame_free(&frame); }
    void operator()(SwsContext *scaler) const { sws_freeContext(scaler); }
};

template <typename T> using Owned = std::unique_ptr<T, Closer>;

double mean_of(const AVFrame &frame) {
    const auto format = static_cast<AVPixelFormat>(frame.format);
    Owned<SwsContext> scaler(sws_getContext(frame.width, frame.height, format, frame.width, frame.height,
                                            AV_PIX_FMT_BGR24, SWS_POINT, nullptr, nullptr, nullptr));
    if (!scaler) {
        throw std::runtime_error("cannot convert the pixels");
    }
    cv::Mat picture(frame.height, frame.width, CV_8UC3);
    uint8_t *planes[] = {picture.data};
    const int strides[] = {static_cast<int>(picture.step)};
    sws_scale(scaler.get(), frame.data, frame.linesize, 0, frame.height, planes, strides);
    cv::Mat grey;
    cv::cvtColor(picture, grey, cv::COLOR_BGR2GRAY);
    return cv::mean(grey)[0];
}

} // namespace

Summary summarize(const std::string &path) {
    AVFormatContext *opened = nullptr;
    check(avformat_open_input(&opened, path.c_str(), nullptr, nullptr), "open the file");
    Owned<AVFormatContext> format(opened);
    check(avformat_find_stream_info(format.get(), nullptr), "read the streams");
    const int stream = av_find_best_stream(format.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
    check(stream, "find a video stream");
    const AVCodecParameters *parameters = format->streams[stream]->codecpar;
    const AVCodec *decoder = avcodec_find_decoder(parameters->codec_id);
    Owned<AVCodecContext> codec(avcodec_alloc_context3(decoder));
    check(avcodec_parameters_to_context(codec.get(), parameters), "set up the decoder");
    check(avcodec_open2(codec.get(), decoder, nullptr), "open the decoder");

    Summary summary;
    Owned<AVPacket> packet(av_packet_alloc());
    Owned<AVFrame> frame(av_frame_alloc());
    const auto take = [&] {
        while (avcodec_receive_frame(codec.get(), frame.get()) == 0) {
            summary.size = cv::Size(frame->width, frame->height);
            summary.brightness += mean_of(*frame);
            ++summary.frames;
        }
    };
    while (av_read_frame(format.get(), packet.get()) == 0) {
        if (packet->stream_index == stream) {
            check(avcodec_send_packet(codec.get(), packet.get()), "decode");
            take();
        }
        av_packet_unref(packet.get());
    }
    check(avcodec_send_packet(codec.get(), nullptr), "end decoding");
    take();
    if (summary.frames > 0) {
        summary.brightness /= summary.frames;
    }
    return summary;
}

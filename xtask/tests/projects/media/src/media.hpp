#pragma once

#include <string>

#include <opencv2/core.hpp>

/// What is told of a video.
struct Summary {
    cv::Size size;
    int frames = 0;
    /// Mean of all grey values, 0 to 255.
    double brightness = 0.0;
};

/// Decodes the first video stream of a file. Throws std::runtime_error.
Summary summarize(const std::string &path);

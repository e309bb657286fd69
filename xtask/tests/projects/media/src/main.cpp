#include <cstdio>
#include <exception>

#include "media.hpp"

int main(int count, char **words) {
    if (count != 2) {
        std::fprintf(stderr, "usage: media-info VIDEO\n");
        return 2;
    }
    try {
        const Summary summary = summarize(words[1]);
        std::printf("%dx%d, %d frames, mean brightness %.1f of 255\n", summary.size.width, summary.size.height,
                    summary.frames, summary.brightness);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "media-info: %s: %s\n", words[1], error.what());
        return 1;
    }
}

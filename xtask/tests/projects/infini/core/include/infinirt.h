#pragma once
extern "C" __attribute__((visibility("default"))) int infinirt_version();

#pragma once
extern "C" __attribute__((visibility("default"))) int infiniop_version();

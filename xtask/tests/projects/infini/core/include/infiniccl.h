#pragma once
extern "C" __attribute__((visibility("default"))) int infiniccl_version();

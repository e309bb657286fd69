#pragma once

/// The sum of the numbers from 1 to `last`, computed by as many threads as there are cores.
long sum_to(long last);

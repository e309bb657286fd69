#pragma once

#include <string>
#include <vector>

namespace infinicore {

/// The sum of two lists of numbers of one length.
std::vector<float> add(const std::vector<float> &left, const std::vector<float> &right);

/// What the libraries below say of themselves.
std::string versions();

} // namespace infinicore

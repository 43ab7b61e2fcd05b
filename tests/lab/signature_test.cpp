#include "lab/signature.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

namespace regulus::lab {
namespace {

TEST(Signature, is_the_same_each_time) {
  std::string const signature = behaviour_signature();
  EXPECT_EQ(signature.size(), 16U);
  EXPECT_TRUE(std::ranges::all_of(signature, [](unsigned char c) { return std::isxdigit(c) != 0; })) << signature;
  // Memory in another state must not show: it did when a loop ran over weights that had already been freed.
  std::vector<std::string> const clutter(1000, std::string(997, 'x'));
  EXPECT_EQ(behaviour_signature(), signature);
}

}  // namespace
}  // namespace regulus::lab

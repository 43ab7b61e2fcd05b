#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "store/hash.h"

namespace regulus::store {
namespace {

// RFC 4648, section 10.
TEST(Base64, is_that_of_the_rfc) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
}

RC_GTEST_PROP(Base64, gives_the_same_bytes_back, (std::string const& bytes)) {
  RC_ASSERT(from_base64(to_base64(bytes)) == bytes);
}

TEST(Base64, what_is_none_is_refused) {
  EXPECT_EQ(from_base64(""), "");
  // Padding that lacks or is too much, bits that nobody wrote, other alphabets, blanks.
  for (char const* text : {"Zg", "Zg=", "Zg===", "Zh==", "Z", "Zm9v=", "Zm-_", "Zm 9v", "Zm9v\n", "=Zm9"}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace regulus::store

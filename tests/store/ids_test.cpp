#include "store/ids.h"

#include <rapidcheck/gtest.h>

#include "store/hash.h"
#include "tests/store/serving.h"

namespace regulus::store {
namespace {

TEST(Ids, are_a_prefix_and_a_ulid) {
  // ulid/spec: 1469918176385 ms is 01ARYZ6S41; entropy of all ones is sixteen times Z.
  Entropy ones{};
  ones.fill(0xFF);
  EXPECT_EQ(make_id("dec", 1'469'918'176'385'000, ones), "dec_01ARYZ6S41ZZZZZZZZZZZZZZZZ");
  EXPECT_EQ(make_id("tok", 0, Entropy{}), "tok_00000000000000000000000000");
  // 00001 00010 00011 00100 00101 … are the digits 1 2 3 4 5 …: bytes 08 86 42 98 E8 = 00001000 10000110 …
  EXPECT_EQ(make_id("job", 0, {0x08, 0x86, 0x42, 0x98, 0xE8}),
            "job_0000000000123456780000"
            "0000");
}

RC_GTEST_PROP(Ids, sort_by_time_and_tell_it, ()) {
  Rng rng(*rc::gen::arbitrary<std::uint64_t>());
  std::int64_t const a = *rc::gen::inRange<std::int64_t>(0, 4'000'000'000'000'000);
  std::int64_t const b = *rc::gen::inRange<std::int64_t>(0, 4'000'000'000'000'000);
  std::string const first = make_id("dec", a, entropy_from(rng));
  std::string const second = make_id("dec", b, entropy_from(rng));
  RC_ASSERT(is_id("dec", first));
  RC_ASSERT(time_of_id(first) == a - a % 1000);
  if (a / 1000 < b / 1000) RC_ASSERT(first < second);
}

TEST(Ids, of_another_shape_are_none) {
  std::string const id = make_id("dec", morning_us, Entropy{});
  EXPECT_TRUE(is_id("dec", id));
  EXPECT_FALSE(is_id("tok", id));
  EXPECT_FALSE(is_id("dec", id + "0"));
  EXPECT_FALSE(is_id("dec", id.substr(0, id.size() - 1)));
  EXPECT_FALSE(is_id("dec", "dec_01J9ZQ3K5XW8000000000000ou"));
  EXPECT_FALSE(is_id("dec",
                     "dec_8000000000000000000000000"
                     "0"));
  EXPECT_FALSE(is_id("dec", ""));
}

TEST(Ids, of_the_operating_systems_randomness_differ) {
  std::set<std::string> ids;
  for (int i = 0; i < 1'000; ++i) ids.insert(make_id("dec", morning_us, true_entropy()));
  EXPECT_EQ(ids.size(), 1'000U);
}

TEST(Hash, gives_the_published_values) {
  // FIPS 180-4, examples of one and two blocks; the check value of CRC-32 is that of "123456789".
  EXPECT_EQ(hex_of(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_of(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
  EXPECT_EQ(sha256("ab", "c"), sha256("abc"));
}

TEST(Hash, compares_secrets_of_any_length) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abcd"));
}

}  // namespace
}  // namespace regulus::store

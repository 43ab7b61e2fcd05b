// Guessing tokens over a socket, as somebody outside would: one connection that is kept, and guesses as fast as they
// go.
#include "store/hash.h"
#include "tests/server/loopback_client.h"
#include "tests/server/support.h"
#include "tests/support/sanitized.h"

namespace regulus::server {
namespace {

TEST(Guesses, fifty_thousand_over_a_socket_find_nothing_and_hardly_one_reaches_the_database) {
  RateLimit::Options const usual = Server::Options{}.strangers;
  // The clock stands, so what an address may ask at first is all that it may ask.
  ServerUnderTest test([&](Server::Options& options) {
    options.listener.port = 0;
    options.strangers = usual;
  });
  ASSERT_TRUE(test.server().listen());
  Rng rng(50);
  auto const chance = [&](std::span<std::uint8_t> bytes) {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.next() >> 56U);
  };
  std::uint64_t const reads = test.server().database().counts().reads;
  std::map<int, int> answers;
  Client client(test.server().port());
  int const guesses = is_sanitized ? 5'000 : 50'000;
  for (int k = 0; k < guesses; ++k) {
    // Every other one has the form and the check of a secret, the rest is one letter away from a valid one.
    std::string guess = k % 2 == 0 ? store::make_secret(chance) : test.administrator();
    if (k % 2 == 1) guess[13 + rng.below(30)] ^= 1;
    ASSERT_TRUE(
        client.send(fmt::format("GET /api/v1/me HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\n\r\n", guess)));
    ++answers[client.read_answer().status];
  }
  EXPECT_EQ(answers[401], usual.burst);
  EXPECT_EQ(answers[429], guesses - usual.burst);
  EXPECT_LE(test.server().database().counts().reads - reads, static_cast<std::uint64_t>(usual.burst));
}

}  // namespace
}  // namespace regulus::server

#include "store/tokens.h"

#include <rapidcheck/gtest.h>

#include "store/hash.h"
#include "tests/store/serving.h"

namespace regulus::store {
namespace {

constexpr std::string_view letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

TokenRights some_rights() {
  return {.name = "booking site",
          .scopes = {"bookings.read", "bookings.write"},
          .companies = std::vector<std::int64_t>{1, 7},
          .expires_us = morning_us + 30 * day_us,
          .created_by = "tok_root"};
}

IssuedToken issue(ServedFolder& served, TokenRights const& rights = some_rights(), std::uint64_t seed = 1) {
  return served.write([&](Transaction& tx) { return create_token(tx, rights, morning_us, random_from(seed)); });
}
std::optional<Token> find(ServedFolder& served, std::string const& secret, std::int64_t now_us = morning_us) {
  return served.database().read([&](Transaction& tx) { return find_token(tx, secret, now_us); }).value();
}

TEST(Secret, has_its_brand_its_chance_and_its_check) {
  std::string const secret = make_secret(random_from(1));
  EXPECT_EQ(secret.size(), 13U + 30U + 6U);
  EXPECT_TRUE(secret.starts_with("regulus_live_"));
  EXPECT_TRUE(is_well_formed_secret(secret));
  // log2(62^30) = 178.6 bits.
  std::set<std::string> secrets;
  for (int i = 0; i < 1'000; ++i) secrets.insert(make_secret(random_bytes));
  EXPECT_EQ(secrets.size(), 1'000U);
}

TEST(Secret, uses_every_letter_alike) {
  std::map<char, int> seen;
  auto const random = random_from(2);
  for (int i = 0; i < 6'200; ++i) {
    for (char c : make_secret(random).substr(13, 30)) ++seen[c];
  }
  EXPECT_EQ(seen.size(), 62U);
  // 3,000 expected of each, standard deviation 54; five of them either way.
  for (auto const& [letter, count] : seen) EXPECT_NEAR(count, 3'000, 270) << letter;
}

RC_GTEST_PROP(Secret, with_one_letter_wrong_is_none, ()) {
  std::string secret = make_secret(random_from(*rc::gen::arbitrary<std::uint64_t>()));
  std::size_t const at = *rc::gen::inRange<std::size_t>(0, secret.size());
  char const other = *rc::gen::elementOf(std::string(letters) + "_-. \x7F");
  RC_PRE(other != secret[at]);
  secret[at] = other;
  RC_ASSERT(!is_well_formed_secret(secret));
}

RC_GTEST_PROP(Secret, with_two_neighbours_exchanged_is_none, ()) {
  std::string secret = make_secret(random_from(*rc::gen::arbitrary<std::uint64_t>()));
  std::size_t const at = *rc::gen::inRange<std::size_t>(0, secret.size() - 1);
  RC_PRE(secret[at] != secret[at + 1]);
  std::swap(secret[at], secret[at + 1]);
  RC_ASSERT(!is_well_formed_secret(secret));
}

RC_GTEST_PROP(Secret, of_another_length_is_none, ()) {
  std::string const secret = make_secret(random_from(*rc::gen::arbitrary<std::uint64_t>()));
  std::size_t const length = *rc::gen::inRange<std::size_t>(0, secret.size());
  RC_ASSERT(!is_well_formed_secret(std::string_view(secret).substr(0, length)));
  RC_ASSERT(!is_well_formed_secret(secret + *rc::gen::elementOf(std::string(letters))));
}

TEST(Tokens, are_found_by_their_secret_with_all_their_rights) {
  ServedFolder served;
  IssuedToken const issued = issue(served);
  auto const found = find(served, issued.secret);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, issued.token.id);
  EXPECT_EQ(found->rights, some_rights());
  EXPECT_EQ(found->created_us, morning_us);
  EXPECT_TRUE(found->is_for(7));
  EXPECT_FALSE(found->is_for(2));
  EXPECT_TRUE(found->has_scope("bookings.write"));
  EXPECT_FALSE(found->has_scope("bookings"));
}

TEST(Tokens, without_a_list_of_companies_are_for_all) {
  ServedFolder served;
  TokenRights rights = some_rights();
  rights.companies.reset();
  EXPECT_TRUE(find(served, issue(served, rights).secret)->is_for(123));
  rights.companies.emplace();
  EXPECT_FALSE(find(served, issue(served, rights, 2).secret)->is_for(123));
}

TEST(Tokens, without_a_name_or_scope_are_refused) {
  ServedFolder served;
  for (int what = 0; what < 2; ++what) {
    TokenRights rights = some_rights();
    if (what == 0) rights.name.clear();
    if (what == 1) rights.scopes.clear();
    auto const made = served.database().write_and_wait(
        [&](Transaction& tx) { return create_token(tx, rights, morning_us, random_from(1)); });
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::invalid);
  }
  EXPECT_EQ(served.count("tokens"), 0);
}

TEST(Tokens, keep_no_secret_in_the_files) {
  ServedFolder served;
  IssuedToken const issued = issue(served);
  std::string const files = *read_file(served.path()) + *read_file(served.path().string() + "-wal");
  EXPECT_NE(files.find(issued.token.id), std::string::npos);
  EXPECT_EQ(files.find(issued.secret.substr(13, 12)), std::string::npos);
  served.close();
  EXPECT_EQ(read_file(served.path())->find(issued.secret.substr(13, 12)), std::string::npos);
}

TEST(Tokens, end_when_they_expire) {
  ServedFolder served;
  std::string const secret = issue(served).secret;
  EXPECT_TRUE(find(served, secret, morning_us + 30 * day_us - 1));
  EXPECT_FALSE(find(served, secret, morning_us + 30 * day_us));
}

TEST(Tokens, that_are_revoked_are_refused_on_the_next_request) {
  ServedFolder served;
  IssuedToken const issued = issue(served);
  auto const revoke = [&](std::int64_t now_us) {
    return served.database().write_and_wait([&](Transaction& tx) { return revoke_token(tx, issued.token.id, now_us); });
  };
  ASSERT_TRUE(find(served, issued.secret));
  ASSERT_TRUE(revoke(morning_us));
  EXPECT_FALSE(find(served, issued.secret));
  EXPECT_EQ(revoke(morning_us + 1).error().kind, ErrorKind::conflict);
  EXPECT_EQ(served.database()
                .write_and_wait([](Transaction& tx) { return revoke_token(tx, "tok_none", morning_us); })
                .error()
                .kind,
            ErrorKind::not_found);
}

TEST(Tokens, that_are_rotated_work_until_the_overlap_ends) {
  ServedFolder served;
  IssuedToken const old = issue(served);
  auto const rotate = [&] {
    return served.database().write_and_wait(
        [&](Transaction& tx) { return rotate_token(tx, old.token.id, morning_us, hour_us, random_from(9)); });
  };
  auto const fresh = rotate();
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->token.rights, old.token.rights);
  EXPECT_NE(fresh->secret, old.secret);
  EXPECT_TRUE(find(served, fresh->secret));
  EXPECT_TRUE(find(served, old.secret, morning_us + hour_us - 1));
  EXPECT_FALSE(find(served, old.secret, morning_us + hour_us));
  EXPECT_EQ(rotate().error().kind, ErrorKind::conflict);
}

TEST(Tokens, note_their_use_once_an_hour) {
  ServedFolder served;
  IssuedToken const issued = issue(served);
  EXPECT_TRUE(is_use_news(issued.token, morning_us));
  served.write([&](Transaction& tx) -> Status {
    note_use(tx, issued.token.id, morning_us + 59 * 60 * second_us);
    return ok();
  });
  Token const used = *find(served, issued.secret);
  EXPECT_EQ(used.last_used_us, morning_us);  // morning_us is a full hour
  EXPECT_FALSE(is_use_news(used, morning_us + hour_us - 1));
  EXPECT_TRUE(is_use_news(used, morning_us + hour_us));
}

TEST(Tokens, are_listed_in_pages) {
  ServedFolder served;
  std::vector<std::string> made;
  for (int i = 0; i < 5; ++i) {
    made.push_back(served
                       .write([&](Transaction& tx) {
                         return create_token(tx, some_rights(), morning_us + i * second_us, random_from(7));
                       })
                       .token.id);
  }
  std::vector<std::string> listed;
  std::string after;
  while (true) {
    auto const page =
        served.read([&](Transaction& tx) -> Result<std::vector<Token>> { return list_tokens(tx, after, 2); });
    if (page.empty()) break;
    for (Token const& token : page) listed.push_back(token.id);
    after = page.back().id;
  }
  EXPECT_EQ(listed, made);
}

TEST(Tokens, of_a_million_guesses_none_has_the_shape_that_the_database_is_asked_for) {
  ServedFolder served;
  std::string const secret = issue(served).secret;
  Rng rng(3);
  std::string guess = secret;
  int accepted = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    // Half are anything of the right shape, half are the true secret with a few letters wrong.
    if (i % 2 == 0) {
      for (std::size_t at = 13; at < guess.size(); ++at) guess[at] = letters[rng.below(62)];
    } else {
      guess = secret;
      for (int changes = 0; changes < 3; ++changes) guess[13 + rng.below(36)] = letters[rng.below(62)];
      if (guess == secret) continue;
    }
    if (is_well_formed_secret(guess)) ++accepted;
  }
  EXPECT_EQ(accepted, 0);
}

TEST(Tokens, guesses_with_the_right_check_are_refused_by_the_database) {
  ServedFolder served;
  issue(served);
  auto const random = random_from(4);
  for (int i = 0; i < 2'000; ++i) EXPECT_FALSE(find(served, make_secret(random)));
  EXPECT_EQ(served.database().counts().reads, 2'000U);
}

TEST(Tokens, the_same_first_eight_bytes_are_not_enough) {
  ServedFolder served;
  IssuedToken const issued = issue(served);
  std::string const other = make_secret(random_from(77));
  Digest const hash = sha256(other);
  // A row that is found under the guess's eight bytes, but holds another hash.
  served.write([&](Transaction& tx) -> Status {
    tx.run("UPDATE tokens SET lookup = ?", {Blob{bytes_of(hash).substr(0, 8)}});
    return ok();
  });
  EXPECT_FALSE(find(served, other));
}

}  // namespace
}  // namespace regulus::store

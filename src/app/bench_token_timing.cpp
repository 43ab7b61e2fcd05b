// `regulus bench token-timing`: whether the time that a guess takes tells how much of it was right.
//
// Guesses are well formed and differ from a valid secret in one letter, the first or the last; both kinds come in
// random order, and Welch's t says whether their times have the same mean. The method is dudect's (Reparaz, Balasch and
// Verbauwhede, DATE 2017): the slowest measurements are the machine's own doing, so the test is repeated without the
// slowest few percent, and the largest |t| counts. Below 4.5 nothing was found. That it would find something is shown
// by valid secrets against guesses, which take longer and need not be hidden: whoever has one is let in.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "app/bench_insertion.h"
#include "app/bench_server.h"
#include "core/check.h"
#include "core/rng.h"
#include "core/stats.h"
#include "store/database.h"
#include "store/tokens.h"

namespace regulus::app {

namespace {

constexpr double suspicious_t = 4.5;
constexpr std::int64_t now_us = 1'772'438'400'000'000;
constexpr std::size_t letters = 30;     // of chance in a secret
constexpr std::uint64_t alphabet = 62;  // of which each is one
// Of the measurements, ordered by time: those up to here are looked at.
constexpr std::array kept_shares = {0.5, 0.75, 0.9, 0.95, 0.99, 1.0};

struct State {
  std::int64_t samples = 400'000;
  int tokens = 100;
  std::uint64_t seed = 1;
  std::string folder = "data/bench-token-timing";
  bool check = false;
};

// The letters of a secret, by number.
using Letters = std::array<std::uint8_t, letters>;

std::string secret_of(Letters const& chosen) {
  // A letter is the upper six bits of a byte.
  return store::make_secret([&](std::span<std::uint8_t> bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(chosen[i % letters] << 2U);
  });
}

Letters random_letters(Rng& rng) {
  Letters chosen{};
  for (std::uint8_t& letter : chosen) letter = static_cast<std::uint8_t>(rng.below(alphabet));
  return chosen;
}

std::string guess_at(Letters secret, std::size_t place, Rng& rng) {
  std::uint64_t const other = rng.below(alphabet - 1);
  secret[place] = static_cast<std::uint8_t>((secret[place] + 1 + other) % alphabet);
  return secret_of(secret);
}

// Mean and variance of one kind, added up as they come (Welford).
struct Sum {
  double count = 0, mean = 0, squares = 0;
  void add(double value) {
    count += 1;
    double const before = value - mean;
    mean += before / count;
    squares += before * (value - mean);
  }
  double variance_of_mean() const { return count < 2 ? 0 : squares / (count - 1) / count; }
};

struct Sample {
  bool is_second;
  double ns;
};

struct Comparison {
  double t = 0;                        // the largest in size
  double kept = 1;                     // of the measurements, where it was found
  double first_ns = 0, second_ns = 0;  // medians
};

Comparison compared(std::vector<Sample> samples) {
  std::ranges::sort(samples, {}, &Sample::ns);
  Comparison result;
  std::array<Sum, 2> sums;
  std::array<std::vector<double>, 2> times;
  std::size_t next = 0;
  for (double const share : kept_shares) {
    auto const end = static_cast<std::size_t>(share * static_cast<double>(samples.size()));
    for (; next < end; ++next) {
      sums[samples[next].is_second ? 1 : 0].add(samples[next].ns);
      times[samples[next].is_second ? 1 : 0].push_back(samples[next].ns);
    }
    double const deviation = std::sqrt(sums[0].variance_of_mean() + sums[1].variance_of_mean());
    double const t = deviation > 0 ? (sums[0].mean - sums[1].mean) / deviation : 0;
    if (std::abs(t) > std::abs(result.t)) {
      result.t = t;
      result.kept = share;
    }
  }
  result.first_ns = median(times[0]);
  result.second_ns = median(times[1]);
  return result;
}

// Times the look-up of what `make` makes of one kind or the other, in random order.
template <class Make>
Result<Comparison> measured(store::Database& database, State const& state, Rng rng, Make const& make) {
  using Clock = std::chrono::steady_clock;
  std::vector<Sample> samples;
  samples.reserve(static_cast<std::size_t>(state.samples));
  for (std::int64_t k = 0; k < state.samples; ++k) {
    bool const is_second = rng.below(2) == 1;
    std::string const secret = make(is_second, rng);
    Clock::duration took{};
    Status const read = database.read([&](store::Transaction& tx) -> Status {
      auto const start = Clock::now();
      auto const found = store::find_token(tx, secret, now_us);
      took = Clock::now() - start;
      return found ? ok() : Status(found.error());
    });
    if (!read) return read.error();
    samples.push_back({is_second, std::chrono::duration<double, std::nano>(took).count()});
  }
  return compared(std::move(samples));
}

Result<std::unique_ptr<store::Database>> database_with(std::vector<Letters> const& secrets, State const& state) {
  std::error_code problem;
  std::filesystem::remove_all(state.folder, problem);
  std::filesystem::create_directories(state.folder, problem);
  if (problem) return Error{ErrorKind::io, fmt::format("{}: {}", state.folder, problem.message())};
  auto database = store::Database::open(std::filesystem::path(state.folder) / "tokens.db");
  if (!database) return database.error();
  Status const made = (*database)->write_and_wait([&](store::Transaction& tx) -> Status {
    for (Letters const& secret : secrets) {
      // Tokens ask for their id's entropy first, and then for the letters.
      bool is_secret = false;
      auto const issued = store::create_token(
          tx, {.name = "bench", .scopes = {"bookings:read"}, .created_by = "bench"}, now_us,
          [&](std::span<std::uint8_t> bytes) {
            for (std::size_t i = 0; i < bytes.size(); ++i) {
              bytes[i] = static_cast<std::uint8_t>(is_secret ? secret[i % letters] << 2U : secret[i % letters]);
            }
            is_secret = true;
          });
      if (!issued) return issued.error();
      REGULUS_CHECK(issued->secret == secret_of(secret));
    }
    return ok();
  });
  if (!made) return made.error();
  return database.take();
}

Json json_of(Comparison const& c) {
  return Json::object(
      {{"t", c.t}, {"of_the_fastest", c.kept}, {"first_median_ns", c.first_ns}, {"second_median_ns", c.second_ns}});
}

Status run(Common const& common, State const& state) {
  Rng rng(state.seed);
  std::vector<Letters> secrets;
  for (int k = 0; k < state.tokens; ++k) secrets.push_back(random_letters(rng));
  auto const any = [&](Rng& chance) -> Letters const& { return secrets[chance.below(secrets.size())]; };
  Result<Comparison> guesses = Comparison{}, control = Comparison{};
  {
    auto const database = database_with(secrets, state);
    if (!database) return database.error();
    guesses = measured(**database, state, Rng(state.seed + 1), [&](bool is_last, Rng& chance) {
      return guess_at(any(chance), is_last ? letters - 1 : 0, chance);
    });
    if (!guesses) return guesses.error();
    control = measured(**database, state, Rng(state.seed + 2), [&](bool is_valid, Rng& chance) {
      return is_valid ? secret_of(any(chance)) : guess_at(any(chance), 0, chance);
    });
    if (!control) return control.error();
  }
  std::error_code ignored;
  std::filesystem::remove_all(state.folder, ignored);
  bool const is_found = std::abs(guesses->t) >= suspicious_t, is_blind = std::abs(control->t) < suspicious_t;
  Status const told = print_result(
      common,
      Json::object({{"samples", state.samples},
                    {"guesses", json_of(*guesses)},
                    {"control", json_of(*control)},
                    {"suspicious_t", suspicious_t},
                    {"is_suspicious", is_found}}),
      fmt::format(
          "  first or last letter wrong  t = {:7.2f} in the fastest {:.0f} % of {} guesses; {:.0f} and {:.0f} ns\n"
          "  wrong or right              t = {:7.2f}, as it must: the measurement finds a difference\n"
          "  {}",
          guesses->t, 100 * guesses->kept, state.samples, guesses->first_ns, guesses->second_ns, control->t,
          is_found ? fmt::format("|t| >= {}: where a guess is wrong shows in its time", suspicious_t)
                   : fmt::format("|t| < {}: the time of a guess says nothing", suspicious_t)));
  if (!told || !state.check) return told;
  std::vector<std::string> missed;
  if (is_found) missed.push_back(fmt::format("|t| = {:.2f} for guesses", std::abs(guesses->t)));
  if (is_blind) missed.emplace_back("the control shows no difference, so nothing was measured");
  return none_missed(missed);
}

}  // namespace

Run add_bench_token_timing(Flags& flags) {
  auto state = std::make_shared<State>();
  flags.add("--samples", state->samples, "Guesses that are timed")->between(1'000, 10'000'000)->shows_default();
  flags.add("--tokens", state->tokens, "Valid tokens that the guesses are close to")
      ->between(1, 10'000)
      ->shows_default();
  flags.add("--folder", state->folder, "Where its database is made; emptied before and after")->shows_default();
  flags.add_switch("--check", state->check, "Fail when the time of a guess tells something");
  flags.footer("Examples:\n  regulus bench token-timing\n  regulus bench token-timing --samples 2000000");
  return [state](Common const& common) { return run(common, *state); };
}

}  // namespace regulus::app

// What survives when the process is killed or a bit rots.
//
// More kills than the suite runs: REGULUS_KILLS=10000.
#include <csignal>

#include "store/idempotency.h"
#include "tests/store/ledger.h"

namespace regulus::store {
namespace {

TEST(Crash, a_killed_process_loses_nothing_acknowledged) {
  constexpr std::int64_t threads = 4;
  Rng rng(8);
  int const kills = rounds_of("REGULUS_KILLS", 200);
  std::vector<std::int64_t> acknowledged;  // over all lives of one file
  TemporaryFolder const folder;
  start_from(empty_database(), folder.file());
  for (std::int64_t life = 0; life < kills; ++life) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    pid_t const child = in_child([&] {
      ::close(pipe[0]);
      auto database = Database::open(folder.file());
      if (!database) return 1;
      std::vector<std::thread> writers;
      for (std::int64_t t = 0; t < threads; ++t) {
        writers.emplace_back([&, t] {
          for (std::int64_t i = 0;; ++i) {
            std::int64_t const id = (life * threads + t) * 1'000'000 + i;
            if (!(*database)->write_and_wait([&](Transaction& tx) { return write_job(tx, id); })) ::_exit(2);
            if (::write(pipe[1], &id, sizeof(id)) != sizeof(id)) ::_exit(3);
          }
        });
      }
      for (std::thread& writer : writers) writer.join();
      return 4;
    });
    ::close(pipe[1]);
    std::uint64_t until = 1 + rng.below(120);
    std::int64_t id = 0;
    for (std::uint64_t heard = 0; ::read(pipe[0], &id, sizeof(id)) == sizeof(id);) {
      acknowledged.push_back(id);
      // What was acknowledged before the kill and is still in the pipe counts too.
      if (++heard == until) ::kill(child, SIGKILL);
    }
    ::close(pipe[0]);
    ASSERT_EQ(exit_code_of(child), 128 + SIGKILL);
    Findings const findings = inspect(folder.file());
    ASSERT_EQ(findings.problem, "") << "life " << life;
    ASSERT_TRUE(missing(acknowledged, findings).empty()) << "life " << life;
  }
  EXPECT_GT(std::ssize(acknowledged), 10 * kills);
}

// A request of a client that never knows whether it was heard: in one job, the answer that is remembered, or the effect
// and its answer.
Result<StoredAnswer> serve(Transaction& tx, std::int64_t request) {
  RequestKey const key{"tok_1", "POST /v1/jobs", fmt::format("{}", request)};
  Digest const body = sha256(key.key);
  Result<Repeat> const repeat = look_up_request(tx, key, body, morning_us);
  if (!repeat) return repeat.error();
  if (auto const* known = std::get_if<StoredAnswer>(&*repeat)) return *known;
  static_cast<void>(write_job(tx, request));
  StoredAnswer answer{201, {}, fmt::format("{}", audit_head(tx).sequence)};
  remember_answer(tx, key, body, answer, morning_us);
  return answer;
}

TEST(Crash, requests_that_are_sent_again_after_kills_have_one_effect_and_one_answer) {
  constexpr std::int64_t requests = 400;
  TemporaryFolder const folder;
  start_from(empty_database(), folder.file());
  Rng rng(9);
  std::map<std::int64_t, std::int64_t> answers;  // the row that each request made
  int const kills = rounds_of("REGULUS_KILLS", 200);
  for (int life = 0; life <= kills; ++life) {
    // Those that were never answered, and some that were.
    std::vector<std::int64_t> to_send;
    for (std::int64_t request = 0; request < requests; ++request) {
      bool const is_due = request < requests * (life + 1) / (kills + 1);
      if (is_due && (!answers.contains(request) || rng.chance(0.2))) to_send.push_back(request);
    }
    rng.shuffle(std::span(to_send));
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    pid_t const child = in_child([&] {
      ::close(pipe[0]);
      auto database = Database::open(folder.file());
      if (!database) return 1;
      for (std::int64_t request : to_send) {
        auto const answer = (*database)->write_and_wait([&](Transaction& tx) { return serve(tx, request); });
        if (!answer) return 2;
        std::array<std::int64_t, 2> const said = {request, std::stoll(answer->body)};
        if (::write(pipe[1], said.data(), sizeof(said)) != sizeof(said)) return 3;
      }
      return 0;
    });
    ::close(pipe[1]);
    std::uint64_t const until = 1 + rng.below(std::max<std::size_t>(1, to_send.size()));
    std::array<std::int64_t, 2> said{};
    for (std::uint64_t heard = 0; ::read(pipe[0], said.data(), sizeof(said)) == sizeof(said);) {
      auto const [known, is_new] = answers.emplace(said[0], said[1]);
      ASSERT_EQ(known->second, said[1]) << "request " << said[0] << " was answered differently";
      if (++heard == until && life < kills) ::kill(child, SIGKILL);
    }
    ::close(pipe[0]);
    int const code = exit_code_of(child);  // 0: it had answered all of them when it was to be killed
    ASSERT_TRUE(code == 0 || code == 128 + SIGKILL)
        << code << " in life " << life << ": the store did not open or serve";
  }
  EXPECT_EQ(std::ssize(answers), requests);
  Findings const findings = inspect(folder.file());
  EXPECT_EQ(findings.problem, "");
  EXPECT_EQ(std::ssize(findings.jobs), requests);
}

// Every row of every table, as text.
std::optional<std::string> everything(std::filesystem::path const& path) {
  auto database = Database::open(path, {.readers = 1});
  if (!database) return std::nullopt;
  Result<std::string> text = (*database)->read([](Transaction& tx) -> Result<std::string> {
    std::string all;
    for (std::string const& table : tx.tables()) {
      std::string columns;
      tx.query("SELECT name FROM pragma_table_info(?)", {table}, [&](Row const& row) {
        columns += (columns.empty() ? "quote(" : " || ',' || quote(") + row.text(0) + ")";
      });
      tx.query(fmt::format("SELECT {} FROM {}", columns, table), {},
               [&](Row const& row) { all += row.text(0) + "\n"; });
    }
    return all;
  });
  if (!text) return std::nullopt;
  return text.take();
}

TEST(Crash, a_flipped_bit_is_found_or_changes_no_answer) {
  TemporaryFolder const folder;
  start_from(empty_database(), folder.file());
  {
    auto database = open_database(folder.file());
    Rng rng(3);
    write_ledger(*database, 40, rng);
  }
  std::string const good = *read_file(folder.file());
  std::string const truth = everything(folder.file()).value();
  ASSERT_GT(truth.size(), 50'000U);
  Rng rng(4);
  int found = 0;
  for (int flip = 0; flip < 500; ++flip) {
    std::string bytes = good;
    // The header's hundred bytes are small and matter most: every tenth flip is there.
    std::size_t const at = rng.below(flip % 10 == 0 ? 100 : bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.below(8)));
    std::ofstream(folder.file(), std::ios::binary) << bytes;
    std::optional<std::string> const answer = everything(folder.file());
    if (!answer) ++found;
    ASSERT_TRUE(!answer || *answer == truth) << "byte " << at << " of " << good.size() << ", flip " << flip;
    for (std::string_view suffix : {"-wal", "-shm"})
      std::filesystem::remove(folder.file().string() + std::string(suffix));
  }
  EXPECT_GE(found, 495);
}

}  // namespace
}  // namespace regulus::store

#include "store/worker.h"

#include <csignal>

#include "tests/store/support.h"

namespace regulus::store {
namespace {

TEST(Worker, this_process_is_alive_and_reads_back) {
  Worker const self = this_worker();
  EXPECT_EQ(self.pid, ::getpid());
  EXPECT_GT(self.started, 0);
  EXPECT_EQ(worker_from(to_json(self)), self);
  EXPECT_EQ(presence(self, self), Presence::alive);
}

TEST(Worker, a_process_that_ended_is_gone_before_and_after_its_parent_asks) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  pid_t const child = in_child([&] {
    std::string const text = to_json(this_worker()).dump();
    return ::write(pipe[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1;
  });
  std::string text(1024, '\0');
  ssize_t const length = ::read(pipe[0], text.data(), text.size());
  ASSERT_GT(length, 0);
  text.resize(static_cast<std::size_t>(length));
  ::close(pipe[0]);
  ::close(pipe[1]);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);  // a zombie from here on

  Worker const worker = worker_from(*parse_json(text)).value();
  EXPECT_EQ(worker.pid, child);
  EXPECT_EQ(presence(worker, this_worker()), Presence::gone);
  EXPECT_EQ(exit_code_of(child), 0);
  EXPECT_EQ(presence(worker, this_worker()), Presence::gone);
}

TEST(Worker, a_number_given_to_another_process_is_not_the_worker) {
  Worker earlier = this_worker();
  earlier.started -= 1;
  EXPECT_EQ(presence(earlier, this_worker()), Presence::gone);
}

TEST(Worker, another_machine_boot_or_container_is_elsewhere) {
  Worker const self = this_worker();
  Worker other = self;
  other.host += "-2";
  EXPECT_EQ(presence(other, self), Presence::elsewhere);
  other = self;
  other.boot = "0";
  EXPECT_EQ(presence(other, self), Presence::elsewhere);
  other = self;
  other.pid_namespace = "pid:[1]";
  EXPECT_EQ(presence(other, self), Presence::elsewhere);
}

TEST(Worker, what_names_no_process_is_no_worker) {
  EXPECT_FALSE(worker_from(Json()).has_value());
  EXPECT_FALSE(worker_from(Json::object({{"host", "a"}, {"pid", "7"}})).has_value());
}

}  // namespace
}  // namespace regulus::store

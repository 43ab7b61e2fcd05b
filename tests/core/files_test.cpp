#include "core/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace regulus {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 public:
  Files() {
    std::string name = (fs::temp_directory_path() / "regulus-files-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~Files() override {
    fs::permissions(folder_, fs::perms::owner_all);
    fs::remove_all(folder_);
  }

 protected:
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (auto const& entry : fs::recursive_directory_iterator(folder_)) {
      if (entry.is_regular_file()) found.push_back(fs::relative(entry.path(), folder_).string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  fs::path const& folder() const { return folder_; }

 private:
  fs::path folder_;
};

// Runs `act` in a child process, so that limits and identities of a process can be changed; true when it returned true.
template <class Act>
bool in_a_child(Act const& act) {
  pid_t const child = ::fork();
  if (child == 0) ::_exit(act() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(Files, what_is_written_is_read_and_nothing_else_is_left) {
  std::string const bytes("zero \0 and \n newline", 20);
  ASSERT_TRUE(write_file(folder() / "a.bin", bytes));
  EXPECT_EQ(*read_file(folder() / "a.bin"), bytes);
  EXPECT_EQ(names(), (std::vector<std::string>{"a.bin"}));
}

TEST_F(Files, a_large_file_and_an_empty_one_come_back_whole) {
  std::string large(300'001, 'x');  // more than one read
  large.back() = 'y';
  ASSERT_TRUE(write_file(folder() / "large", large));
  EXPECT_EQ(*read_file(folder() / "large"), large);
  ASSERT_TRUE(write_file(folder() / "large", ""));
  EXPECT_EQ(*read_file(folder() / "large"), "");
}

TEST_F(Files, a_new_version_replaces_the_old_one_whole) {
  ASSERT_TRUE(write_file(folder() / "a", "a long first version"));
  ASSERT_TRUE(write_file(folder() / "a", "second"));
  EXPECT_EQ(*read_file(folder() / "a"), "second");
}

TEST_F(Files, who_has_the_old_version_open_keeps_it) {
  ASSERT_TRUE(write_file(folder() / "a", "old"));
  std::FILE* const open = std::fopen((folder() / "a").c_str(), "r");
  ASSERT_NE(open, nullptr);
  ASSERT_TRUE(write_file(folder() / "a", "new"));
  char seen[4] = {};
  EXPECT_EQ(std::fread(seen, 1, 3, open), 3U);
  EXPECT_STREQ(seen, "old");
  std::fclose(open);
}

TEST_F(Files, missing_folders_are_made) {
  ASSERT_TRUE(write_file(folder() / "data" / "rl" / "a.json", "{}"));
  EXPECT_EQ(*read_file(folder() / "data" / "rl" / "a.json"), "{}");
}

TEST_F(Files, a_missing_file_is_not_found_and_named) {
  Result<std::string> const read = read_file(folder() / "none");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::not_found);
  EXPECT_EQ(read.error().message, "cannot open " + (folder() / "none").string() + ": No such file or directory");
}

TEST_F(Files, a_folder_is_neither_read_nor_replaced) {
  ASSERT_TRUE(write_file(folder() / "kept" / "inside", "x"));
  EXPECT_EQ(read_file(folder() / "kept").error().kind, ErrorKind::io);
  Status const written = write_file(folder() / "kept", "y");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::io);
  EXPECT_EQ(written.error().message, "cannot write " + (folder() / "kept").string() + ": it is a folder");
  EXPECT_EQ(names(), (std::vector<std::string>{"kept/inside"}));
}

TEST_F(Files, a_file_in_the_place_of_a_parent_folder_is_an_error) {
  ASSERT_TRUE(write_file(folder() / "a", "x"));
  Status const written = write_file(folder() / "a" / "b", "y");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::io);
  EXPECT_EQ(*read_file(folder() / "a"), "x");
}

TEST_F(Files, a_read_only_folder_is_an_error_and_the_old_file_stays) {
  ASSERT_TRUE(write_file(folder() / "a", "old"));
  fs::permissions(folder(),
                  fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  EXPECT_TRUE(in_a_child([&] {
    constexpr uid_t nobody = 65534;
    if (::geteuid() == 0 && ::seteuid(nobody) != 0) return false;  // permissions mean nothing to root
    Status const written = write_file(folder() / "a", "new");
    return !written && written.error().kind == ErrorKind::io;
  }));
  EXPECT_EQ(*read_file(folder() / "a"), "old");
  EXPECT_EQ(names(), (std::vector<std::string>{"a"}));
}

TEST_F(Files, a_full_disk_is_an_error_and_leaves_the_old_file_and_no_scraps) {
  ASSERT_TRUE(write_file(folder() / "a", "the last good version"));
  EXPECT_TRUE(in_a_child([&] {
    // No file may grow beyond 10,000 bytes: the first write is cut short, the next fails, as on a disk that fills up.
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit const limit{10'000, 10'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    Status const written = write_file(folder() / "a", std::string(100'000, 'x'));
    return !written && written.error().kind == ErrorKind::io;
  }));
  EXPECT_EQ(*read_file(folder() / "a"), "the last good version");
  EXPECT_EQ(names(), (std::vector<std::string>{"a"}));
}

TEST_F(Files, a_writer_that_is_killed_leaves_the_old_file) {
  ASSERT_TRUE(write_file(folder() / "a", "old"));
  EXPECT_FALSE(in_a_child([&] {
    // SIGXFSZ kills by default, here in the middle of the second write.
    rlimit const limit{10'000, 10'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    rlimit const no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    std::signal(SIGXFSZ, SIG_DFL);
    return static_cast<bool>(write_file(folder() / "a", std::string(100'000, 'x')));
  }));
  EXPECT_EQ(*read_file(folder() / "a"), "old");
}

TEST(Crc32c, is_castagnolis) {
  // The check value of the catalogue of CRCs, and two vectors of RFC 3720, appendix B.4.
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(Crc32c, continues_where_it_stopped) { EXPECT_EQ(crc32c("6789", crc32c("12345")), crc32c("123456789")); }

}  // namespace
}  // namespace regulus

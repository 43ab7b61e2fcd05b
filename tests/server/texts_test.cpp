// What people read is typeset: French has U+00A0 before a colon and inside its quotes, U+202F before ; ! and ?.
#include <gtest/gtest.h>

#include <regex>

#include "core/files.h"

namespace regulus::server {
namespace {

// The texts between quotes in a line of a source, as they stand there; none in a comment.
std::vector<std::string> literals(std::string const& line) {
  std::vector<std::string> found;
  if (auto const first = line.find_first_not_of(' '); first == std::string::npos || line.compare(first, 2, "//") == 0) {
    return found;
  }
  static std::regex const literal(R"lit("((?:[^"\\]|\\.)*)")lit");
  for (auto it = std::sregex_iterator(line.begin(), line.end(), literal); it != std::sregex_iterator(); ++it) {
    found.push_back((*it)[1]);
  }
  return found;
}

bool is_french(std::string const& text) {
  static std::regex const accents("é|è|à|ê|ç|ù|œ|’|«");
  return std::regex_search(text, accents);
}

bool is_typeset(std::string const& text) {
  for (char const* wrong : {" ;", " !", " ?", " :", "« ", " »"}) {
    if (text.find(wrong) != std::string::npos) return false;
  }
  return true;
}

TEST(Texts, in_french_have_the_spaces_of_french) {
  int french = 0;
  std::filesystem::path const folder = std::filesystem::path(REGULUS_SOURCE_DIR) / "src" / "server";
  for (auto const& entry : std::filesystem::recursive_directory_iterator(folder)) {
    auto const extension = entry.path().extension();
    if (extension != ".cpp" && extension != ".h" && extension != ".def") continue;
    std::string const text = read_file(entry.path()).take();
    std::size_t number = 1;
    for (std::size_t at = 0; at < text.size(); ++number) {
      std::size_t const end = std::min(text.find('\n', at), text.size());
      for (std::string const& literal : literals(text.substr(at, end - at))) {
        if (!is_french(literal)) continue;
        ++french;
        EXPECT_TRUE(is_typeset(literal)) << entry.path().filename() << ":" << number << " " << literal;
      }
      at = end + 1;
    }
  }
  EXPECT_GT(french, 30);
  EXPECT_FALSE(is_typeset("il n’existe pas ; voyez"));
}

}  // namespace
}  // namespace regulus::server

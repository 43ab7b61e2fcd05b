// What people read is typeset: French has U+00A0 before a colon and inside its quotes, U+202F before ; ! and ?.
#include <gtest/gtest.h>

#include <regex>

#include "core/files.h"
#include "server/faults_of_bodies.h"

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

// The reasons for which a source refuses a value, as they would end a message: its literals after "fail(".
std::vector<std::string> reasons_in(std::string const& source) {
  static std::regex const refusal(
      R"re((\w*)(?:\.|\s)fail\(\s*(?:fmt::format\(\s*)?((?:"(?:[^"\\]|\\.)*"\s*)+)(\+?))re");
  static std::regex const literal(R"lit("((?:[^"\\]|\\.)*)")lit");
  std::vector<std::string> found;
  for (auto it = std::sregex_iterator(source.begin(), source.end(), refusal); it != std::sregex_iterator(); ++it) {
    if ((*it)[1] == "tx") continue;  // a transaction's
    std::string const pieces = (*it)[2];
    std::string text;
    for (auto p = std::sregex_iterator(pieces.begin(), pieces.end(), literal); p != std::sregex_iterator(); ++p) {
      text += (*p)[1];
    }
    if ((*it)[3] == "+") text += " 7";
    text = std::regex_replace(text, std::regex(R"(([a-z])\{\})"), "$1, did you mean 7?");
    text = std::regex_replace(text, std::regex(R"(\{(:[^}]*)?\})"), "7");
    found.push_back(std::regex_replace(text, std::regex(R"(\\")"), "\""));
  }
  return found;
}

TEST(Texts, every_reason_to_refuse_a_body_is_known_in_french) {
  std::filesystem::path const source = std::filesystem::path(REGULUS_SOURCE_DIR) / "src";
  std::vector<std::filesystem::path> files = {source / "domain/json_reader.cpp", source / "domain/json_reader.h",
                                              source / "server/bodies.cpp", source / "server/rejection.h"};
  for (auto const& entry : std::filesystem::directory_iterator(source / "server/endpoints")) files.push_back(entry);
  int reasons = 0;
  for (auto const& file : files) {
    for (std::string const& reason : reasons_in(read_file(file).take())) {
      ++reasons;
      std::string const french = fault_in_french("seats.walk = 1 " + reason);
      EXPECT_TRUE(french.starts_with("seats.walk = 1 ") && french.size() > 15)
          << file.filename() << ": \"" << reason << "\" is not in faults_of_bodies.def";
      EXPECT_TRUE(is_typeset(french)) << french;
    }
  }
  EXPECT_GT(reasons, 50);
  EXPECT_EQ(fault_in_french("seats = 1 is purple"), "");
  // Of day_file, of which bodies read nothing but a stop.
  EXPECT_EQ(fault_in_french("stop = an object must name its \"break\" and no \"booking\""),
            "stop = objet doit nommer «\u00A0break\u00A0» et pas «\u00A0booking\u00A0»");
}

TEST(Texts, of_faults_keep_place_and_value_and_the_words_in_them) {
  EXPECT_EQ(fault_in_french("the document = a list is no object"), "le document = liste n’est pas un objet");
  EXPECT_EQ(fault_in_french("the document has no \"name\"; add it"),
            "le document n’a pas de membre «\u00A0name\u00A0»\u202F; ajoutez-le");
  EXPECT_EQ(fault_in_french("seats: key \"wheelchairs\" is not known, did you mean wheelchair?; remove or correct it"),
            "seats\u00A0: le membre «\u00A0wheelchairs\u00A0» n’est pas connu (vouliez-vous dire "
            "wheelchair\u202F?)\u202F; supprimez-le ou corrigez-le");
  EXPECT_EQ(fault_in_french("items[3].seats = 70 is outside 0 to 64"),
            "items[3].seats = 70 n’est pas compris entre 0 et 64");
  EXPECT_EQ(fault_in_french("lat = 91 is outside -90 to 90 degrees"),
            "lat = 91 n’est pas compris entre -90 et 90 degrés");
  EXPECT_EQ(fault_in_french("mode = \"x\" is none of off shadow on"), "mode = \"x\" n’est aucun de off shadow on");
  // What somebody sends may look like our words.
  EXPECT_EQ(fault_in_french("note = \"is outside 1 to 2, is none of a\" has more than 500 bytes"),
            "note = \"is outside 1 to 2, is none of a\" compte plus de 500 octets");
}

}  // namespace
}  // namespace regulus::server

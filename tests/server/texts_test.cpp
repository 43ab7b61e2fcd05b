// What people read is typeset: French has U+00A0 before a colon and inside its quotes, U+202F before ; ! and ?.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "core/files.h"
#include "server/faults.h"

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

// What a source says from a place on to the end of the call, of the braces or of the statement it stands in.
std::string rest_of_call(std::string const& source, std::size_t begin) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t at = begin; at < source.size(); ++at) {
    char const c = source[at];
    if (quoted && c == '\\') {
      ++at;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted) {
      depth += c == '(' || c == '{' || c == '[' ? 1 : c == ')' || c == '}' || c == ']' ? -1 : 0;
      if (depth < 0 || (depth == 0 && c == ';')) return source.substr(begin, at - begin);
    }
  }
  return source.substr(begin);
}

// The reasons for which a source refuses something, as they would end a message: the sentences behind what matches
// `refusal`, with 7 in their gaps. What is said in two languages is none.
std::vector<std::string> reasons_in(std::string const& source, std::string const& refusal) {
  static std::regex const texts(R"re(((?:"(?:[^"\\]|\\.)*"\s*)+)(\+?))re"), text(R"lit("((?:[^"\\]|\\.)*)")lit");
  static std::regex const sentence("[a-z].* .*[^ ]");
  std::regex const refusals(refusal);
  std::vector<std::string> found;
  for (auto it = std::sregex_iterator(source.begin(), source.end(), refusals); it != std::sregex_iterator(); ++it) {
    std::string const call = rest_of_call(source, static_cast<std::size_t>(it->position() + it->length()));
    if (call.find("say(") != std::string::npos) continue;
    for (auto t = std::sregex_iterator(call.begin(), call.end(), texts); t != std::sregex_iterator(); ++t) {
      std::string const pieces = (*t)[1];
      std::string reason;
      for (auto p = std::sregex_iterator(pieces.begin(), pieces.end(), text); p != std::sregex_iterator(); ++p) {
        reason += (*p)[1];
      }
      if ((*t)[2] == "+") reason += reason.ends_with(' ') ? "7" : " 7";
      reason = std::regex_replace(reason, std::regex(R"(([a-z])\{\})"), "$1, did you mean 7?");
      reason = std::regex_replace(reason, std::regex(R"(\{(:[^}]*)?\})"), "7");
      reason = std::regex_replace(reason, std::regex(R"(\\")"), "\"");
      if (std::regex_search(reason, sentence)) found.push_back(reason);
    }
  }
  return found;
}

// Of these files, all but `without`: what stands before reasons that are looked at where they are said.
int expect_french(std::vector<std::filesystem::path> const& files, std::string const& refusal,
                  std::vector<std::string> const& without = {}) {
  int reasons = 0;
  for (auto const& file : files) {
    Result<std::string> const source = read_file(file);
    EXPECT_TRUE(source) << file;
    if (!source) continue;
    for (std::string const& reason : reasons_in(*source, refusal)) {
      if (std::ranges::find(without, reason) != without.end()) continue;
      ++reasons;
      std::string const french = fault_in_french("seats.walk = 1 " + reason);
      EXPECT_TRUE(french.starts_with("seats.walk = 1 ") && french.size() > 15)
          << file.filename() << ": \"" << reason << "\" is not in faults.def";
      EXPECT_TRUE(is_typeset(french)) << french;
    }
  }
  return reasons;
}

std::filesystem::path source(std::string const& file) {
  return std::filesystem::path(REGULUS_SOURCE_DIR) / "src" / file;
}

std::vector<std::filesystem::path> with_endpoints(std::vector<std::filesystem::path> files) {
  for (auto const& entry : std::filesystem::directory_iterator(source("server/endpoints"))) files.push_back(entry);
  return files;
}

TEST(Texts, every_reason_to_refuse_a_body_is_known_in_french) {
  auto const files = with_endpoints({source("domain/json_reader.cpp"), source("domain/json_reader.h"),
                                     source("server/bodies.cpp"), source("server/rejection.h")});
  EXPECT_GT(expect_french(files, R"(\bfail\()"), 50);
  EXPECT_GT(expect_french({source("core/json.cpp")}, R"(\b(fail|invalid)\()", {"not JSON: 7"}), 4);
  EXPECT_GT(expect_french({source("server/settings.cpp")}, R"(\binvalid\()"), 2);
  EXPECT_EQ(fault_in_french("seats = 1 is purple"), "");
  // Of day_file, of which bodies read nothing but a stop.
  EXPECT_EQ(fault_in_french("stop = an object must name its \"break\" and no \"booking\""),
            "stop = objet doit nommer «\u00A0break\u00A0» et pas «\u00A0booking\u00A0»");
}

TEST(Texts, every_reason_to_refuse_a_list_of_bookings_is_known_in_french) {
  EXPECT_GT(expect_french({source("domain/csv.cpp"), source("domain/csv_row.cpp"), source("domain/csv_values.cpp"),
                           source("domain/bookings_csv.cpp")},
                          R"(\b(invalid|problem|problems\.push_back)\()", {"date 7 7"}),
            35);
}

TEST(Texts, everything_that_the_present_state_does_not_allow_is_known_in_french) {
  auto const files = with_endpoints(
      {source("server/desk.cpp"), source("server/live.cpp"), source("server/arms.cpp"), source("server/civil_time.cpp"),
       source("store/bookings.cpp"), source("store/companies.cpp"), source("store/counters.cpp"),
       source("store/drivers.cpp"), source("store/jobs.cpp"), source("store/model_registry.cpp"),
       source("store/rows.h"), source("store/suggestions.cpp"), source("store/tokens.cpp")});
  EXPECT_GT(expect_french(files, R"(\b(invalid|conflict|problem_with)\(|ErrorKind::(invalid|conflict),|\bwhy =)",
                          {"driver 7 7", "the model does not answer: 7"}),
            35);
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
  EXPECT_EQ(
      fault_in_french("line 3, rdv = 25 h: is no time; write 08:05, 08:05:30, 8h05 or 2025-03-04T08:05:30"),
      "ligne 3, rdv = 25 h\u00A0: n’est pas une heure\u202F; écrivez 08:05, 08:05:30, 8h05 ou 2025-03-04T08:05:30");
  EXPECT_EQ(fault_in_french("line 9: quotes are opened and never closed"),
            "ligne 9\u00A0: des guillemets sont ouverts et jamais fermés");
  EXPECT_EQ(fault_in_french("not JSON: unexpected text or end at line 3, column 7"),
            "ce n’est pas du JSON\u00A0: texte ou fin inattendus à la ligne 3, colonne 7");
  EXPECT_EQ(fault_in_french("the route of driver 3 of company 1 is of version 5, not 4: somebody changed it meanwhile"),
            "la tournée du chauffeur 3 de l’entreprise 1 en est à la version 5, et non 4\u00A0: il y a eu une "
            "modification entre-temps");
  // A member's name and value are no driver.
  EXPECT_EQ(fault_in_french("driver = 0.5 is no whole number"), "driver = 0.5 n’est pas un nombre entier");
  EXPECT_EQ(fault_in_french("model mdl_1 cannot be loaded: tensor w is missing"),
            "le modèle mdl_1 ne peut pas être chargé\u00A0: tensor w is missing");
  EXPECT_EQ(fault_in_french("model mdl_1 is no longer the file that was registered"),
            "le modèle mdl_1 n’est plus le fichier qui a été enregistré");
  // What somebody sends may look like our words.
  EXPECT_EQ(fault_in_french("note = \"is outside 1 to 2, is none of a\" has more than 500 bytes"),
            "note = \"is outside 1 to 2, is none of a\" compte plus de 500 octets");
}

}  // namespace
}  // namespace regulus::server

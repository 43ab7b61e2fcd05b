// The architecture as a test: reads the layer table and the dependency table of ARCHITECTURE.md and every #include
// under src/, and names the file and line of each include that the tables do not allow.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace regulus {
namespace {

namespace fs = std::filesystem;

struct Library {
  int layer = 0;
  std::set<std::string> may_include;
};
struct Dependency {
  std::vector<std::string> headers;  // a whole header, or a folder with its slash
  std::vector<std::string> seen_by;  // a file or a folder under src/; "*" is everybody
};
struct Rules {
  std::map<std::string, Library> libraries;
  std::vector<Dependency> dependencies;
};

std::vector<std::string> words_in_backticks(std::string const& text) {
  static std::regex const word("`([^`]+)`");
  std::vector<std::string> words;
  for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it) words.push_back((*it)[1]);
  return words;
}

std::vector<std::string> cells_of(std::string const& row) {
  std::vector<std::string> cells;
  std::stringstream stream(row);
  std::string cell;
  std::getline(stream, cell, '|');  // what stands before the first bar
  while (std::getline(stream, cell, '|')) cells.push_back(cell);
  return cells;
}

// The rows of the table under the heading that starts with `heading`, without its two header lines.
std::vector<std::vector<std::string>> table_under(std::string const& page, std::string_view heading) {
  std::vector<std::vector<std::string>> rows;
  std::stringstream stream(page);
  bool inside = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("## ")) inside = line.starts_with(heading);
    if (inside && line.starts_with("|")) rows.push_back(cells_of(line));
  }
  rows.erase(rows.begin(), rows.begin() + std::min<std::ptrdiff_t>(2, std::ssize(rows)));
  return rows;
}

Rules read_rules(std::string const& page) {
  Rules rules;
  for (auto const& row : table_under(page, "## Layers")) {
    std::string const name = words_in_backticks(row.at(1)).at(0);
    std::vector<std::string> const below = words_in_backticks(row.at(2));
    rules.libraries[name] = {.layer = std::stoi(row.at(0)), .may_include = {below.begin(), below.end()}};
  }
  for (auto const& row : table_under(page, "## Dependencies")) {
    rules.dependencies.push_back({.headers = words_in_backticks(row.at(2)), .seen_by = words_in_backticks(row.at(3))});
  }
  return rules;
}

bool names(std::string const& pattern, std::string const& path) {
  return pattern == path || pattern == "*" || (pattern.ends_with('/') && path.starts_with(pattern));
}

std::optional<std::string> problem_with_ours(Rules const& rules, std::string const& file, std::string const& header) {
  std::string const from = file.substr(0, file.find('/'));
  std::string const to = header.substr(0, header.find('/'));
  if (!rules.libraries.contains(from)) return from + " is in no row of the layer table";
  if (header.find('/') == std::string::npos || !rules.libraries.contains(to)) return "is not written as library/unit.h";
  if (from == to || rules.libraries.at(from).may_include.contains(to)) return std::nullopt;
  return from + " may not include " + to;
}

std::optional<std::string> problem_with_theirs(Rules const& rules, std::string const& file, std::string const& header) {
  if (header.find_first_of("./") == std::string::npos) return std::nullopt;  // the standard library
  for (Dependency const& dependency : rules.dependencies) {
    auto const is_header = [&](std::string const& pattern) { return names(pattern, header); };
    auto const is_file = [&](std::string const& pattern) { return names(pattern, file); };
    if (std::ranges::none_of(dependency.headers, is_header)) continue;
    if (std::ranges::any_of(dependency.seen_by, is_file)) return std::nullopt;
    std::string allowed;
    for (std::string const& place : dependency.seen_by) allowed += (allowed.empty() ? "" : ", ") + place;
    return "only " + allowed + " may see it";
  }
  return "is in no row of the dependency table";
}

// "src/tune/tpe.cpp:12: #include "rl/dqn.h": tune may not include rl" for each include that breaks a rule.
std::vector<std::string> violations(Rules const& rules, fs::path const& root) {
  static std::regex const include(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<fs::path> paths;
  for (auto const& entry : fs::recursive_directory_iterator(root / "src")) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  std::vector<std::string> found;
  for (fs::path const& path : paths) {
    std::string const file = fs::relative(path, root / "src").generic_string();
    std::ifstream stream(path);
    int number = 0;
    for (std::string line; std::getline(stream, line);) {
      ++number;
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      auto const problem =
          match[1] == "<" ? problem_with_theirs(rules, file, match[2]) : problem_with_ours(rules, file, match[2]);
      if (problem) found.push_back("src/" + file + ":" + std::to_string(number) + ": " + line + ": " + *problem);
    }
  }
  return found;
}

std::string text_of(fs::path const& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

Rules our_rules() { return read_rules(text_of(fs::path(REGULUS_SOURCE_DIR) / "ARCHITECTURE.md")); }

// A tree that lives as long as the test.
class MadeUpTree {
 public:
  MadeUpTree() {
    std::string name = (fs::temp_directory_path() / "regulus-layers-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  MadeUpTree(MadeUpTree const&) = delete;
  MadeUpTree& operator=(MadeUpTree const&) = delete;
  ~MadeUpTree() { fs::remove_all(root_); }
  void add(std::string const& file, std::string const& text) const {
    fs::create_directories((root_ / "src" / file).parent_path());
    std::ofstream(root_ / "src" / file) << text;
  }
  fs::path const& root() const { return root_; }

 private:
  fs::path root_;
};

using Lines = std::vector<std::string>;

TEST(Layers, every_include_under_src_is_allowed_by_the_tables) {
  for (std::string const& violation : violations(our_rules(), REGULUS_SOURCE_DIR)) ADD_FAILURE() << violation;
}

TEST(Layers, the_table_is_read_whole) {
  Rules const rules = our_rules();
  EXPECT_EQ(rules.libraries.size(), 15U);
  EXPECT_EQ(rules.libraries.at("rl").layer, 2);
  EXPECT_EQ(rules.libraries.at("rl").may_include, (std::set<std::string>{"core", "nn"}));
  EXPECT_TRUE(rules.libraries.at("core").may_include.empty());
  EXPECT_GE(rules.dependencies.size(), 7U);
}

TEST(Layers, every_edge_of_the_table_leads_to_a_lower_layer) {
  Rules const rules = our_rules();
  for (auto const& [name, library] : rules.libraries) {
    for (std::string const& below : library.may_include) {
      ASSERT_TRUE(rules.libraries.contains(below)) << name << " names " << below;
      EXPECT_LT(rules.libraries.at(below).layer, library.layer) << name << " includes " << below;
    }
  }
}

TEST(Layers, every_folder_under_src_has_a_row) {
  Rules const rules = our_rules();
  for (auto const& entry : fs::directory_iterator(fs::path(REGULUS_SOURCE_DIR) / "src")) {
    EXPECT_TRUE(rules.libraries.contains(entry.path().filename().string())) << entry.path();
  }
}

TEST(LayersChecker, an_upward_include_is_named_with_file_and_line) {
  MadeUpTree const tree;
  tree.add("tune/tpe.cpp", "#include \"tune/tpe.h\"\n\n#include \"core/rng.h\"\n#include \"rl/dqn.h\"\n");
  EXPECT_EQ(violations(our_rules(), tree.root()),
            Lines{"src/tune/tpe.cpp:4: #include \"rl/dqn.h\": tune may not include rl"});
}

TEST(LayersChecker, allowed_includes_of_ours_and_of_the_standard_library_pass) {
  MadeUpTree const tree;
  tree.add("lab/train.cpp",
           "#include <vector>\n#include <fmt/format.h>\n#include \"rl/dqn.h\"\n#include \"sim/classic.h\"\n");
  EXPECT_EQ(violations(our_rules(), tree.root()), Lines{});
}

TEST(LayersChecker, a_library_header_outside_its_one_file_is_found) {
  MadeUpTree const tree;
  tree.add("core/json.cpp", "#include <nlohmann/json.hpp>\n");
  tree.add("lab/report.cpp", "  #  include <nlohmann/json.hpp>\n");
  tree.add("nn/layers.cpp", "#include <oneapi/dnnl/dnnl.h>\n");
  EXPECT_EQ(violations(our_rules(), tree.root()),
            (Lines{"src/lab/report.cpp:1:   #  include <nlohmann/json.hpp>: only core/json.cpp may see it",
                   "src/nn/layers.cpp:1: #include <oneapi/dnnl/dnnl.h>: only nn/matrix.cpp may see it"}));
}

TEST(LayersChecker, a_header_of_no_known_dependency_is_found) {
  MadeUpTree const tree;
  tree.add("core/log.cpp", "#include <spdlog/spdlog.h>\n");
  EXPECT_EQ(violations(our_rules(), tree.root()),
            Lines{"src/core/log.cpp:1: #include <spdlog/spdlog.h>: is in no row of the dependency table"});
}

TEST(LayersChecker, an_include_without_its_library_and_a_folder_without_a_row_are_found) {
  MadeUpTree const tree;
  tree.add("core/rng.cpp", "#include \"rng.h\"\n");
  tree.add("misc/tools.cpp", "#include \"core/rng.h\"\n");
  EXPECT_EQ(violations(our_rules(), tree.root()),
            (Lines{"src/core/rng.cpp:1: #include \"rng.h\": is not written as library/unit.h",
                   "src/misc/tools.cpp:1: #include \"core/rng.h\": misc is in no row of the layer table"}));
}

}  // namespace
}  // namespace regulus

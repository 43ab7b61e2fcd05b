#include "server/http/fault.h"

#include <array>

namespace regulus::server {

namespace {

struct Row {
  ProblemCode problem;
  std::string_view english;
  std::string_view french;
};
constexpr std::array rows = {
#define FAULT(name, problem, english, french) Row{ProblemCode::problem, english, french},
#include "server/http/faults.def"
#undef FAULT
};

}  // namespace

ProblemCode problem_of(Fault fault) { return rows[static_cast<std::size_t>(fault)].problem; }

std::string_view detail_of(Fault fault, Language language) {
  Row const& row = rows[static_cast<std::size_t>(fault)];
  return language == Language::french ? row.french : row.english;
}

}  // namespace regulus::server

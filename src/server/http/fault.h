// Why the framing gate refuses a request: the rows of faults.def, each with its problem and its text.
#pragma once

#include <string_view>

#include "server/http/language.h"
#include "server/http/problem.h"

namespace regulus::server {

enum class Fault {
#define FAULT(name, problem, english, french) name,
#include "server/http/faults.def"
#undef FAULT
};

ProblemCode problem_of(Fault fault);
std::string_view detail_of(Fault fault, Language language);

}  // namespace regulus::server

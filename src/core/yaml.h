// JSON as YAML, for people: YAML 1.2 in block style, two spaces a level, keys in their order.
//
// What a reader of YAML 1.1 would take for something else is quoted too ("no", "on", "1:30"): many of them are about.
// Texts stand bare when they read as themselves, and otherwise between double quotes with JSON's escapes, which are
// YAML's as well. Reading it gives the same value, which tests check with a real parser.
#pragma once

#include <string>

#include "core/json.h"

namespace regulus {

std::string yaml_text(Json const& value);

}  // namespace regulus

// The description of the programming interface (OpenAPI 3.1), as it is served.
//
// src/server/openapi.json is written by hand and is the one source: it is built into the program, and
// tests/server/openapi_test.cpp fails when it and endpoints.def do not list the same operations.
#pragma once

#include <string_view>

namespace regulus::server {

std::string_view openapi_text();

}  // namespace regulus::server

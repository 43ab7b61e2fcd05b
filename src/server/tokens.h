// What the interface and the audit trail say of a token, whoever made it.
#pragma once

#include <string>

#include "core/json.h"
#include "store/tokens.h"

namespace regulus::server {

// Without the secret.
Json token_json(store::Token const& token);
// What an audit row was about: "token/tok_01J…".
std::string object_of(store::Token const& token);

}  // namespace regulus::server

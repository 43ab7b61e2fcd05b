// Tokens that a command makes in the server's database, with the row in the audit trail that the interface writes.
#pragma once

#include <string>

#include "core/result.h"
#include "store/database.h"
#include "store/tokens.h"

namespace regulus::app {

// Expires and is created by the machine's clock; `rights.created_by` is the actor. Errors: the database's.
Result<store::IssuedToken> issue_token(store::Database& database, store::TokenRights const& rights);
// Errors: not_found, and the database's.
Result<store::Token> revoke_token(store::Database& database, std::string const& id, std::string const& actor);

}  // namespace regulus::app

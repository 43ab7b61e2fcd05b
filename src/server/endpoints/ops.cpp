// What operators and monitors ask: is it alive, is it ready, what is it, what does it offer.
#include <algorithm>

#include "core/yaml.h"
#include "server/openapi.h"
#include "server/server.h"
#include "store/migrations.h"

namespace regulus::server {

// The process answers; nothing is said about what is behind it.
Outcome healthz(Server&, Call const&) { return json_response(200, Json::object({{"status", "ok"}})); }

// Ready when the database can be read, is of the present schema, and took what was last written.
Outcome readyz(Server& server, Call const&, store::Transaction& tx) {
  bool const current = store::schema_version(tx) == static_cast<std::int64_t>(store::migrations().size());
  if (tx.failed() || !current || !server.database().is_writable()) {
    return Problem{.code = ProblemCode::not_ready, .retry_after_s = 5};
  }
  return json_response(200, Json::object({{"status", "ready"}}));
}

Outcome version(Server&, Call const&) {
  return json_response(200, Json::object({{"name", "regulus"}, {"version", REGULUS_VERSION}, {"api", "v1"}}));
}

Outcome openapi(Server&, Call const&) {
  return Response{.status = 200, .content_type = "application/json", .body = std::string(openapi_text())};
}

// The same for people.
Outcome openapi_yaml(Server&, Call const&) {
  static std::string const text = yaml_text(*parse_json(openapi_text()));
  return Response{.status = 200, .content_type = "application/yaml", .body = text};
}

Outcome prometheus(Server& server, Call const&) {
  return Response{
      .status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8", .body = server.metrics().text()};
}

// What a problem's "type" points to.
Outcome problem_page(Server&, Call const& call) {
  std::string const& wanted = call.variable("code");
  for (ProblemCode const code : all_problem_codes()) {
    if (name_of(code) != wanted) continue;
    return json_response(
        200, Json::object({{"code", wanted}, {"status", status_of(code)}, {"title", title_of(code, call.language)}}));
  }
  return not_found();
}

// Whose token this is and what it may do.
Outcome me(Server&, Call const& call, store::Transaction&) {
  store::Token const& token = call.token;
  Json json =
      Json::object({{"id", token.id},
                    {"name", token.rights.name},
                    {"scopes", Json::array_of(token.rights.scopes)},
                    {"companies", token.rights.companies ? Json::array_of(*token.rights.companies) : Json()},
                    {"expires", token.rights.expires_us ? Json(instant_text(*token.rights.expires_us)) : Json()}});
  return json_response(200, json);
}

}  // namespace regulus::server

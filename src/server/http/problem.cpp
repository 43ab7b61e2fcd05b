#include "server/http/problem.h"

#include <array>

#include "core/json.h"

namespace regulus::server {

namespace {

struct Row {
  std::string_view code;
  int status;
  std::string_view english;
  std::string_view french;
};
constexpr std::array rows = {
#define PROBLEM(name, code, status, english, french) Row{code, status, english, french},
#include "server/http/problems.def"
#undef PROBLEM
};

Row const& row_of(ProblemCode code) { return rows[static_cast<std::size_t>(code)]; }

void add_headers_of_status(Problem const& problem, Response& response) {
  switch (response.status) {
    case 401:  // RFC 9110 §11.6.1
      response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"regulus\"");
      break;
    case 405: {  // RFC 9110 §15.5.6
      std::string methods;
      for (std::string const& method : problem.allow) methods += (methods.empty() ? "" : ", ") + method;
      response.headers.emplace_back("Allow", std::move(methods));
      break;
    }
    case 429:
    case 503:  // RFC 9110 §10.2.3
      response.headers.emplace_back("Retry-After", std::to_string(problem.retry_after_s.value_or(1)));
      break;
    default:
      break;
  }
}

}  // namespace

int status_of(ProblemCode code) { return row_of(code).status; }
std::string_view name_of(ProblemCode code) { return row_of(code).code; }
std::string_view title_of(ProblemCode code, Language language) {
  return language == Language::french ? row_of(code).french : row_of(code).english;
}

std::vector<ProblemCode> all_problem_codes() {
  std::vector<ProblemCode> codes;
  for (std::size_t i = 0; i < rows.size(); ++i) codes.push_back(static_cast<ProblemCode>(i));
  return codes;
}

Response problem_response(Problem const& problem, Language language, std::string_view request_id) {
  Row const& row = row_of(problem.code);
  auto const told = [language](std::string const& text, std::string const& french) -> std::string const& {
    return language == Language::french && !french.empty() ? french : text;
  };
  Json body = Json::object();
  body["type"] = "/problems/" + std::string(row.code);
  body["title"] = title_of(problem.code, language);
  body["status"] = row.status;
  // Why we failed is nobody's business outside (and may hold somebody's data).
  if (!problem.detail.empty() && problem.code != ProblemCode::internal) {
    body["detail"] = told(problem.detail, problem.french);
  }
  body["instance"] = request_id;
  body["code"] = row.code;
  if (!problem.errors.empty()) {
    Json errors = Json::array();
    for (MemberProblem const& error : problem.errors) {
      errors.push_back(Json::object(
          {{"pointer", error.pointer}, {"code", error.code}, {"message", told(error.message, error.french)}}));
    }
    body["errors"] = std::move(errors);
  }
  Response response{.status = row.status,
                    .content_type = "application/problem+json",
                    .headers = {{"Content-Language", std::string(tag_of(language))}, {"Vary", "Accept-Language"}},
                    .body = body.dump(),
                    .events = nullptr};
  add_headers_of_status(problem, response);
  return response;
}

Response problem_response(Problem const& problem, Request const& request) {
  std::string const* const wish = request.header("accept-language");
  return problem_response(problem, wish ? language_of(*wish) : Language::english, request.id);
}

}  // namespace regulus::server

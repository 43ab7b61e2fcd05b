// The trail of changes: reading it, checking that nobody altered it, and taking it elsewhere.
//
// A token for some companies sees their rows. Rows of the whole installation, and whether the chain holds, are for
// tokens that are for all companies.
#include <algorithm>
#include <charconv>

#include "server/server.h"
#include "store/audit_log.h"
#include "store/companies.h"

namespace regulus::server {

namespace {

constexpr std::size_t longest_text = 200;  // of an actor, an action or an object
constexpr std::string_view parameters[] = {"limit", "after", "company", "actor", "action", "object", "since", "until"};

struct AuditPage {
  std::vector<store::AuditRow> rows;
  bool more = false;
};

Problem refused(std::string detail) { return {.code = ProblemCode::invalid_body, .detail = std::move(detail)}; }

// ?company=, a company that the token is for. Another tenant's is as absent as one that there is not.
std::optional<Problem> read_company(Call const& call, store::Transaction& tx, std::optional<std::int64_t>& company) {
  std::string const* const text = call.query("company");
  if (text == nullptr) return std::nullopt;
  std::int64_t const number = number_in(*text).value_or(0);
  if (number < 1) {
    return refused(call.say(fmt::format("company = {} is no whole number from 1 on", *text),
                            fmt::format("company = {} n’est pas un nombre entier à partir de 1", *text)));
  }
  Result<store::Company> const there = store::load_company(tx, number);
  if (tx.failed()) return problem_of(tx.error());
  if (!there || !call.token.is_for(number)) {
    return Problem{.code = ProblemCode::not_found,
                   .detail = call.say(fmt::format("there is no company {}", number),
                                      fmt::format("il n’y a pas d’entreprise {}", number))};
  }
  company = number;
  return std::nullopt;
}

// A text that is compared letter by letter.
std::optional<Problem> read_text(Call const& call, std::string_view name, std::optional<std::string>& wanted) {
  std::string const* const text = call.query(name);
  if (text == nullptr) return std::nullopt;
  if (text->empty() || text->size() > longest_text) {
    return refused(call.say(fmt::format("{} = {} is no text of 1 to {} bytes", name, *text, longest_text),
                            fmt::format("{} = {} n’est pas un texte de 1 à {} octets", name, *text, longest_text)));
  }
  wanted = *text;
  return std::nullopt;
}

std::optional<Problem> read_instant(Call const& call, std::string_view name, std::optional<Instant>& wanted) {
  std::string const* const text = call.query(name);
  if (text == nullptr) return std::nullopt;
  Result<Instant> const instant = parse_instant(*text);
  if (!instant) {
    return refused(
        call.say(fmt::format("{} = {} is no time; write it as 2026-03-01T08:15:00Z", name, *text),
                 fmt::format("{} = {} n’est pas une heure\u202F; écrivez 2026-03-01T08:15:00Z", name, *text)));
  }
  wanted = *instant;
  return std::nullopt;
}

// A name that is not known would silently show more than was asked for.
std::optional<Problem> check_parameters(Call const& call) {
  for (auto const& [name, value] : call.request.query) {
    if (std::ranges::find(parameters, name) != std::end(parameters)) continue;
    return refused(call.say(
        fmt::format("{} = {} is no filter of this list; there are {}", name, value, fmt::join(parameters, ", ")),
        fmt::format("{} = {} n’est pas un filtre de cette liste\u202F; il y a {}", name, value,
                    fmt::join(parameters, ", "))));
  }
  return std::nullopt;
}

std::variant<store::AuditFilter, Problem> filter_of(Call const& call, store::Transaction& tx) {
  store::AuditFilter filter;
  if (auto problem = check_parameters(call)) return *std::move(problem);
  if (auto problem = read_company(call, tx, filter.company)) return *std::move(problem);
  if (auto problem = read_text(call, "actor", filter.actor)) return *std::move(problem);
  if (auto problem = read_text(call, "action", filter.action)) return *std::move(problem);
  if (filter.action && filter.action->find_first_not_of("abcdefghijklmnopqrstuvwxyz_.") != std::string::npos) {
    return refused(call.say(
        fmt::format("action = {} is no action; write it as booking.create", *filter.action),
        fmt::format("action = {} n’est pas une action\u202F; écrivez par exemple booking.create", *filter.action)));
  }
  if (auto problem = read_text(call, "object", filter.object)) return *std::move(problem);
  if (auto problem = read_instant(call, "since", filter.since)) return *std::move(problem);
  if (auto problem = read_instant(call, "until", filter.until)) return *std::move(problem);
  if (filter.since && filter.until && *filter.until <= *filter.since) {
    return refused(
        call.say(fmt::format("until = {} is not after since = {}", *call.query("until"), *call.query("since")),
                 fmt::format("until = {} n’est pas après since = {}", *call.query("until"), *call.query("since"))));
  }
  return filter;
}

// Of the company that the filter names, or of all that the token is for; oldest first.
std::variant<AuditPage, Problem> rows_of(Call const& call, store::Transaction& tx, Page const& page,
                                         store::AuditFilter filter) {
  std::int64_t const after = page.after.empty() ? 0 : page.number;
  if (after < 0) return foreign_cursor(call);
  std::vector<std::optional<std::int64_t>> companies;
  if (filter.company || !call.token.rights.companies) {
    companies.emplace_back(filter.company);
  } else {
    for (std::int64_t const company : *call.token.rights.companies) companies.emplace_back(company);
  }
  // One more than asked for tells whether there is more.
  int const wanted = page.limit + 1;
  AuditPage answer;
  for (auto const& company : companies) {
    filter.company = company;
    auto rows = store::audit_rows(tx, filter, after, wanted);
    std::ranges::move(rows, std::back_inserter(answer.rows));
  }
  if (tx.failed()) return problem_of(tx.error());
  std::ranges::sort(answer.rows, {}, &store::AuditRow::sequence);
  auto const limit = static_cast<std::size_t>(page.limit);
  answer.more = answer.rows.size() > limit;
  if (answer.more) answer.rows.erase(answer.rows.begin() + page.limit, answer.rows.end());
  return answer;
}

Json row_json(store::AuditRow const& row) {
  store::AuditEntry const& entry = row.entry;
  return Json::object({{"sequence", row.sequence},
                       {"company", entry.company ? Json(*entry.company) : Json()},
                       {"at", instant_text(entry.at)},
                       {"actor", entry.actor},
                       {"action", entry.action},
                       {"object", entry.object},
                       {"before", entry.before},
                       {"after", entry.after},
                       {"reason", entry.reason},
                       {"request_id", entry.request_id},
                       {"hash", store::hex_of(row.hash)}});
}

std::string last_of(AuditPage const& page) {
  return page.rows.empty() ? "" : std::to_string(page.rows.back().sequence);
}

std::optional<store::Digest> digest_of(std::string_view text) {
  store::Digest digest{};
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    unsigned byte = 0;
    auto const [end, error] = std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, byte, 16);
    if (error != std::errc{} || end != text.data() + 2 * i + 2) return std::nullopt;
    digest[i] = static_cast<std::uint8_t>(byte);
  }
  return digest;
}

Json head_json(store::AuditHead const& head) {
  return Json::object({{"sequence", head.sequence}, {"hash", store::hex_of(head.hash)}});
}

Outcome verified(Call const& call, store::Transaction& tx) {
  if (call.token.rights.companies) {
    return Problem{
        .code = ProblemCode::forbidden,
        .detail = call.say("the chain is the whole installation's; ask with a token for all companies",
                           "la chaîne est celle de toute l’installation\u202F; il faut un jeton pour toutes les "
                           "entreprises")};
  }
  std::optional<store::AuditHead> known;
  std::string const* const sequence = call.query("sequence");
  std::string const* const hash = call.query("hash");
  if (sequence != nullptr || hash != nullptr) {
    store::AuditHead head;
    auto const digest = hash == nullptr ? std::nullopt : digest_of(*hash);
    bool whole = sequence != nullptr;
    if (whole) {
      auto const [end, error] = std::from_chars(sequence->data(), sequence->data() + sequence->size(), head.sequence);
      whole = error == std::errc{} && end == sequence->data() + sequence->size() && head.sequence > 0;
    }
    if (!whole || !digest) {
      return Problem{.code = ProblemCode::invalid_body,
                     .detail = call.say("give sequence, a whole number from 1 on, together with hash, 64 digits",
                                        "donnez sequence, un nombre entier à partir de 1, avec hash, 64 chiffres")};
    }
    head.hash = *digest;
    known = head;
  }
  store::AuditVerdict const verdict = store::verify_audit(tx, known);
  if (tx.failed()) return problem_of(tx.error());
  return json_response(200, Json::object({{"intact", !verdict.first_broken.has_value()},
                                          {"head", head_json(verdict.head)},
                                          {"first_broken", verdict.first_broken ? Json(*verdict.first_broken) : Json()},
                                          {"problem", verdict.problem}}));
}

Outcome listed(Call const& call, store::Transaction& tx) {
  auto const page = page_of(call, CursorKind::number);
  if (auto const* problem = std::get_if<Problem>(&page)) return *problem;
  auto const filter = filter_of(call, tx);
  if (auto const* problem = std::get_if<Problem>(&filter)) return *problem;
  auto const found = rows_of(call, tx, std::get<Page>(page), std::get<store::AuditFilter>(filter));
  if (auto const* problem = std::get_if<Problem>(&found)) return *problem;
  auto const& rows = std::get<AuditPage>(found);
  Json items = Json::array();
  for (store::AuditRow const& row : rows.rows) items.push_back(row_json(row));
  return json_response(200, page_json(call, std::move(items), last_of(rows), rows.more));
}

}  // namespace

// What is rare has many rows before it, of which there may be millions: on a thread of the pool.
void list_audit(Server& server, std::shared_ptr<Call const> call, Reply reply) {
  answer(reply, *call, in_one_view(server, [&](store::Transaction& tx) { return listed(*call, tx); }));
}

// Recomputes every hash, of which there may be millions: on a thread of the pool. ?sequence= and ?hash= are a head that
// was written down earlier: with them a missing end shows.
void verify_audit(Server& server, std::shared_ptr<Call const> call, Reply reply) {
  answer(reply, *call, in_one_view(server, [&](store::Transaction& tx) { return verified(*call, tx); }));
}

// One line for each row, {"hash": "…", "row": {…}}. `row` is the very text that was hashed: with SHA-256 over the hash
// of the line before (32 bytes, zeros before the first) and this text, anybody can recompute the chain. A page at a
// time: Link, rel="next" (RFC 8288), names the next one as long as there is one.
Outcome export_audit(Server&, Call const& call, store::Transaction& tx) {
  auto const page = page_of(call, CursorKind::number);
  if (auto const* problem = std::get_if<Problem>(&page)) return *problem;
  store::AuditFilter filter;
  if (auto problem = read_company(call, tx, filter.company)) return *std::move(problem);
  auto const found = rows_of(call, tx, std::get<Page>(page), filter);
  if (auto const* problem = std::get_if<Problem>(&found)) return *problem;
  auto const& rows = std::get<AuditPage>(found);
  Response response{.status = 200, .content_type = "application/x-ndjson"};
  for (store::AuditRow const& row : rows.rows) {
    response.body += fmt::format("{{\"hash\":\"{}\",\"row\":{}}}\n", store::hex_of(row.hash),
                                 store::canonical_json(row.entry, row.sequence));
  }
  if (rows.more) {
    std::string const company = call.query("company") == nullptr ? "" : "&company=" + *call.query("company");
    response.headers.emplace_back("Link", fmt::format("<{}?limit={}{}&after={}>; rel=\"next\"", call.request.path,
                                                      std::get<Page>(page).limit, company, cursor_of(last_of(rows))));
  }
  return response;
}

}  // namespace regulus::server

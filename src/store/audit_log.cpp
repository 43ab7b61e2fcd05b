#include "store/audit_log.h"

#include <fmt/format.h>

#include <algorithm>

namespace regulus::store {
namespace {

Json sorted(Json const& json) {
  if (json.is_array()) {
    Json::Array items;
    for (Json const& item : json.as_array()) items.push_back(sorted(item));
    return items;
  }
  if (json.is_object()) {
    Json::Object members;
    for (auto const& [key, value] : json.as_object()) members.emplace_back(key, sorted(value));
    std::ranges::sort(members, {}, &std::pair<std::string, Json>::first);
    return members;
  }
  return json;
}

Json optional_integer(std::optional<std::int64_t> const& value) { return value ? Json(*value) : Json(); }

// A digest as the database keeps it; nothing when it has another length.
std::optional<Digest> digest_from(std::string const& bytes) {
  Digest digest{};
  if (bytes.size() != digest.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

// A row as it stands, which a damaged file may have made unreadable.
struct ReadRow {
  AuditRow row;
  std::string problem;
};

ReadRow read_row(Row const& row) {
  ReadRow read;
  AuditEntry& entry = read.row.entry;
  read.row.sequence = row.integer(0);
  entry.company = row.integer_or_none(1);
  entry.at = row.integer(2);
  entry.actor = row.text(3);
  entry.action = row.text(4);
  entry.object = row.text(5);
  for (auto const& [column, value] : {std::pair(6, &entry.before), std::pair(7, &entry.after)}) {
    Result<Json> parsed = parse_json(row.text(column));
    if (parsed) {
      *value = parsed.take();
    } else {
      read.problem = "holds text that is not JSON: " + parsed.error().message;
    }
  }
  entry.reason = row.text(8);
  entry.request_id = row.text(9);
  if (auto const hash = digest_from(row.blob(10))) {
    read.row.hash = *hash;
  } else {
    read.problem = "has a hash of another length";
  }
  return read;
}

constexpr std::string_view columns =
    "sequence, company, at, actor, action, object, before, after, reason, request_id, hash";

}  // namespace

std::string canonical_json(AuditEntry const& entry, std::int64_t sequence) {
  return Json::object({{"action", entry.action},
                       {"actor", entry.actor},
                       {"after", sorted(entry.after)},
                       {"at", entry.at},
                       {"before", sorted(entry.before)},
                       {"company", optional_integer(entry.company)},
                       {"object", entry.object},
                       {"reason", entry.reason},
                       {"request_id", entry.request_id},
                       {"sequence", sequence}})
      .dump();
}

AuditHead audit_head(Transaction& tx) {
  AuditHead head;
  tx.query("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1", {}, [&](Row const& row) {
    head.sequence = row.integer(0);
    if (auto const hash = digest_from(row.blob(1))) {
      head.hash = *hash;
    } else {
      tx.fail({ErrorKind::corrupt, fmt::format("audit row {} has a hash of another length", head.sequence)});
    }
  });
  return head;
}

AuditHead append_audit(Transaction& tx, AuditEntry const& entry) {
  AuditHead head = audit_head(tx);
  if (tx.failed()) return head;
  ++head.sequence;
  head.hash = sha256(bytes_of(Digest(head.hash)), canonical_json(entry, head.sequence));
  std::string const before = sorted(entry.before).dump();
  std::string const after = sorted(entry.after).dump();
  tx.run("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
         {head.sequence, or_null(entry.company), entry.at, entry.actor, entry.action, entry.object, before, after,
          entry.reason, entry.request_id, Blob{bytes_of(head.hash)}});
  return head;
}

AuditVerdict verify_audit(Transaction& tx, std::optional<AuditHead> const& known) {
  AuditVerdict verdict;
  auto const broken_at = [&](std::int64_t sequence, std::string problem) {
    verdict.first_broken = sequence;
    verdict.problem = std::move(problem);
  };
  tx.query(fmt::format("SELECT {} FROM audit ORDER BY sequence", columns), {}, [&](Row const& row) {
    if (verdict.first_broken) return;
    ReadRow const read = read_row(row);
    std::int64_t const expected = verdict.head.sequence + 1;
    if (read.row.sequence != expected) {
      return broken_at(expected, fmt::format("is missing; the next one there is {}", read.row.sequence));
    }
    if (!read.problem.empty()) return broken_at(expected, read.problem);
    Digest const hash = sha256(bytes_of(verdict.head.hash), canonical_json(read.row.entry, expected));
    if (hash != read.row.hash) return broken_at(expected, "does not have the hash that it and the row before it make");
    verdict.head = {expected, hash};
    if (known && known->sequence == expected && known->hash != hash) {
      broken_at(expected, "has another hash than was written down earlier");
    }
  });
  if (!verdict.first_broken && known && known->sequence > verdict.head.sequence) {
    broken_at(verdict.head.sequence + 1, fmt::format("is missing; there were {} rows earlier", known->sequence));
  }
  return verdict;
}

std::vector<AuditRow> audit_rows(Transaction& tx, AuditFilter const& filter, std::int64_t after, int limit) {
  std::string conditions = "sequence > ?1";
  auto const where = [&](bool wanted, std::string_view condition) {
    if (wanted) conditions.append(" AND ").append(condition);
  };
  where(filter.company.has_value(), "company = ?2");
  where(filter.actor.has_value(), "actor = ?3");
  where(filter.action.has_value(), "action = ?4");
  where(filter.object.has_value(), "object = ?5");
  where(filter.since.has_value(), "at >= ?6");
  where(filter.until.has_value(), "at < ?7");
  std::vector<AuditRow> rows;
  tx.query(fmt::format("SELECT {} FROM audit WHERE {} ORDER BY sequence LIMIT ?8", columns, conditions),
           {after, or_null(filter.company), or_null(filter.actor), or_null(filter.action), or_null(filter.object),
            or_null(filter.since), or_null(filter.until), limit},
           [&](Row const& row) {
             ReadRow read = read_row(row);
             if (!read.problem.empty()) {
               return tx.fail({ErrorKind::corrupt, fmt::format("audit row {} {}", read.row.sequence, read.problem)});
             }
             rows.push_back(std::move(read.row));
           });
  return rows;
}

}  // namespace regulus::store

// The language of what people read, from Accept-Language (RFC 9110 §12.5.4).
//
// Two languages are spoken. The one with the higher weight wins; of equal ones, the one named first; English if neither
// is named. "fr-CH" is French, and "*" stands for whichever of the two was not named. What is no weight, or a range
// that is none, is passed over: a header written by a browser must not cost somebody an answer.
//
// Every text has its own English and French; code points are exact: French has U+00A0 before a colon and U+202F before
// ; ! and ?.
#pragma once

#include <string_view>

namespace regulus::server {

enum class Language { english, french };

Language language_of(std::string_view accept_language);
// "en" or "fr", for Content-Language.
std::string_view tag_of(Language language);

}  // namespace regulus::server

# link_included_libraries(target source): links the libraries whose headers the source includes ("core/json.h": core), so
# that a fuzzer of one format builds without the rest of the program. Those of one fuzzer's peer come from the system.
function(link_included_libraries target source)
  file(STRINGS ${source} includes REGEX "^#include \"[a-z]+/")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE "^#include \"([a-z]+)/.*" "\\1" library ${include})
    target_link_libraries(${target} PRIVATE regulus_${library})
  endforeach()
  file(STRINGS ${source} peer REGEX "^#include <http_parser.h>")
  if(peer)
    target_link_libraries(${target} PRIVATE http_parser)
  endif()
endfunction()

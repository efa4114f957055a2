// The code of an invitation stands behind "#" in its link, which browsers send to nobody.
"use strict";
const code = document.getElementById("code");
if (location.hash.length > 1 && code) {
  code.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  document.querySelector("input[name=name]").focus();
}

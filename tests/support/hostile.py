"""Texts that have attacked programs which print or write what others have named; each with where it was reported."""

from __future__ import annotations

HOSTILE = [
    "\x1b[2J\x1b[H cleared",  # kubernetes#101695: escape sequences in the message of an Event
    "\x1b]52;c;ZWNobyBoaQ==\x07",  # the same kind: writes to the clipboard
    "Ready\rNotReady",  # kubernetes#112553: a carriage return replaces what the line has said
    "\x9b31mred",  # one-byte CSI of C1
    "benign\u202egnp.exe",  # microsoft/terminal#2409, hackmyagent#330: bidirectional override
    "GRANTED \u2067DENIED\u2069",  # chroncal#369: isolates
    "a\u200bb\ufeff",  # marmot-protocol/mdk#586: zero width
    "x\nhooks: {beforeCopy: [[sh, -c, id]]}",  # deckhouse#22774, vcert#657: a line break adds keys
    "a # b: {c}\r\nd",
    "a\u2028b\u2029c\x85d",  # line separators of YAML 1.1
    "[/]",  # sqlit#212: markup of rich
    "[/\xe1\xa5\xf9\x96_/x\xecJ@]",  # mandiant/capa#2699
    "</script><script>alert(1)</script>",  # vulnlog#197
    "<img src=x onerror=alert(1)>",  # sokrates#121
    '" onmouseover="x',
    "$(id) `id` ; id & 'q' \"q\" \\",
    "\ud800",
    "",
]

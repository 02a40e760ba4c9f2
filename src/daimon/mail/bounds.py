"""How much of a mail is looked at and kept. Whatever is sent, reading it is linear and ends at these figures.

Nothing is lost by them: the raw octets are kept elsewhere, and what was cut is told in `findings`.
"""

KIB = 1024
MIB = 1024 * KIB

# Header section (of the mail, and of each part)
HEADER_OCTETS = 256 * KIB
HEADER_FIELDS = 1_000
PART_HEADER_OCTETS = 16 * KIB
FIELD_OCTETS = 64 * KIB  # one field's value, unfolded
MAILBOXES = 1_000  # per address field
AUTHORS = 20  # whose domains are looked at
PARAMETERS = 100
PARAMETER_CHARS = 8 * KIB  # all of one field's
FILENAME_CHARS = 255

# The header section of a mail that could not be parsed: small enough to be read in a few milliseconds.
FALLBACK_HEADER_OCTETS = 64 * KIB
FALLBACK_HEADER_FIELDS = 200
FALLBACK_FIELD_OCTETS = 4 * KIB
FALLBACK_BODY_OCTETS = 128 * KIB

# Structure
NESTING = 100  # multiparts within multiparts; what lies deeper is one attachment
PARTS = 1_000  # shown; the rest is counted
CONTAINERS = 1_000
DELIMITER_CANDIDATES = 100_000  # lines that begin with `--`

# Content
BODY_TEXT_CHARS = 1 * MIB
BODY_HTML_CHARS = 2 * MIB
HTML_CHARS_READ = 512 * KIB  # how much HTML is turned into text and links
HTML_DEPTH = 256
STYLE_ATTRIBUTE_CHARS = 2_000
STYLE_CHARS = 64 * KIB  # of all style sheets
EXTRACT_CHARS = 256 * KIB  # how much text is searched for links, codes, quotes and tricks
PREVIEW_CHARS = 200
LINKS = 500
URL_CHARS = 4 * KIB
LINK_TEXT_CHARS = 300
CODES = 10
REFERENCES_LAST = 50  # with the first, which names the thread's root

# Reports on mail that was sent
REPORT_OCTETS = 256 * KIB  # of a part that a machine wrote for machines
REPORT_RECIPIENTS = 100
REPORT_VALUE_CHARS = 1_000
REPORT_TEXT_CHARS = 32 * KIB  # of the words of one that no machine is meant to read

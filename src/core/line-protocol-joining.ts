const lineFeed = 0x0a;
const backslash = 0x5c;
const quote = 0x22;
const space = 0x20;
const equalsSign = 0x3d;
const comma = 0x2c;
const hash = 0x23;

/**
 * Whether a body of line protocol may be sent as one with others, each on lines of its own: true only when it cannot change how Kapacitor
 * reads its neighbours, and holds a point (models.ParsePointsWithPrecision, scanLine). A body without a final line feed needs one behind it.
 * When unsure the answer is false, which costs a request: bodies that begin with a blank or a comment, that hold a NUL, or a backslash
 * before a line feed or at the end, those that leave a string open, and those with a field that could pass Kapacitor's parser and not be
 * readable afterwards: there it stops half way through the body.
 */
export function mayJoin(body: Uint8Array): boolean {
  const first = body[0];
  if (first === undefined || first <= space || first === hash) return false;
  if (body.includes(0)) return false;
  return !escapesTooFar(body) && !(body.includes(quote) && leavesStringOpen(body));
}

/** Whether a body ends in the middle of a line, so that a line feed has to stand between it and the next. */
export function needsLineFeed(body: Uint8Array): boolean {
  return body[body.length - 1] !== lineFeed;
}

/**
 * Whether a backslash escapes a line feed or whatever comes next; or two of them an equals sign, which ends a field's key for the scanner
 * (scanFields) and not for the reader (scanTo in FieldIterator).
 */
function escapesTooFar(body: Uint8Array): boolean {
  for (let at = body.indexOf(backslash); at !== -1; at = body.indexOf(backslash, at + 1)) {
    const next = body[at + 1];
    if (next === undefined || next === lineFeed || (next === backslash && body[at + 2] === equalsSign)) return true;
  }
  return false;
}

/**
 * Scans for the ends of lines as Kapacitor does: a string only opens behind an equals sign in the fields, and holds line feeds.
 * Returns whether one is open where the body ends.
 */
function leavesStringOpen(body: Uint8Array): boolean {
  let open = false;
  let inFields = false;
  let values = 0;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === backslash) at += 1;
    else if (byte === space) inFields = true;
    else if (byte === lineFeed && !open) {
      inFields = false;
      values = 0;
    } else if (inFields) {
      if (byte === quote && values > 0) open = !open;
      else if (!open && byte === equalsSign) values += 1;
      else if (!open && byte === comma) values -= 1;
    }
  }
  return open;
}

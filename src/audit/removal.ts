/** The commands that remove what an audit found: for a shell, as they stand, with no secret in them. */
import { hasOddSegment } from "../core/stored-state.ts";
import type { StoredName } from "./report.ts";

/** How an operator reaches the same Kapacitor. */
export interface Reach {
  readonly url: string;
  /** "" for none; the password is asked for, or has to be put in. */
  readonly username: string;
  /** Path of a PEM file; "" for the system's authorities. */
  readonly sslCa: string;
  readonly insecureSkipVerify: boolean;
}

const base = "/kapacitor/v1";

/** What the `kapacitor` command takes for a pattern, and paths take for something else, has to be left to curl. */
const plain = /^[_\p{L}0-9][-._\p{L}0-9]*$/u;
const plainTopic = /^[_\p{L}0-9][-:._\p{L}0-9]*$/u;

/**
 * `kapacitor delete …` where that means exactly this object, else curl. undefined when no path leads to it.
 * @param switches for configuration: the options that let the element act, which are then turned off
 */
export function removalOf(
  reach: Reach,
  { kind, name }: StoredName,
  switches: readonly string[] = [],
): string | undefined {
  switch (kind) {
    case "task":
    case "template":
      if (plain.test(name) && !hasOddSegment(name)) return kapacitor(reach, ["delete", `${kind}s`, name]);
      return remove(reach, `${kind}s`, name);
    case "handler": {
      const [topic = "", ...rest] = name.split("/");
      const id = rest.join("/");
      if (plainTopic.test(topic) && plain.test(id)) return kapacitor(reach, ["delete", "topic-handlers", topic, id]);
      // Not one handler but the list of them.
      if (id === "*") return undefined;
      return hasOddSegment(topic) ? undefined : remove(reach, `alerts/topics/${encode(topic)}/handlers`, id);
    }
    case "config":
      return changeConfig(reach, name, switches);
    case "flux-task":
      return remove(reach, "api/v2/tasks", name);
  }
}

function remove(reach: Reach, parent: string, id: string): string | undefined {
  if (!id.isWellFormed() || hasOddSegment(id)) return undefined;
  return curl(reach, ["-X", "DELETE", `${reach.url}${base}/${parent}/${id.split("/").map(encode).join("/")}`]);
}

/** An element without switches is removed; one that stands in kapacitor.conf has to be removed there. */
function changeConfig(reach: Reach, name: string, switches: readonly string[]): string {
  const [section = "", ...rest] = name.split("/");
  const element = rest.join("/");
  const path = `${reach.url}${base}/config/${encode(section)}`;
  if (switches.length === 0) {
    const command = curl(reach, ["-d", JSON.stringify({ remove: [element] }), path]);
    return `${command} # or from kapacitor.conf, where it stands there`;
  }
  const set = Object.fromEntries(switches.map((option) => [option, false]));
  return curl(reach, ["-d", JSON.stringify({ set }), `${path}/${encode(element)}`]);
}

function kapacitor({ url, username, sslCa, insecureSkipVerify }: Reach, words: readonly string[]): string {
  const login = username === "" ? "" : `${encode(username)}:PASSWORD@`;
  const ca = sslCa === "" ? "" : `SSL_CERT_FILE=${quote(sslCa)} `;
  const skip = insecureSkipVerify ? ["-skipVerify"] : [];
  return `${ca}${["kapacitor", ...skip, "-url", url.replace("://", `://${login}`), ...words].map(quote).join(" ")}`;
}

function curl({ username, sslCa, insecureSkipVerify }: Reach, words: readonly string[]): string {
  const tls = insecureSkipVerify ? ["-k"] : sslCa === "" ? [] : ["--cacert", sslCa];
  const login = username === "" ? [] : ["-u", username];
  return ["curl", "-sS", ...tls, ...login, ...words].map(quote).join(" ");
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

function quote(word: string): string {
  return /^[\p{L}0-9_@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

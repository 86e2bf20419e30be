import { connect as connectTcp } from "node:net";
import { connect as connectTls, type PeerCertificate } from "node:tls";
import { Agent, request } from "undici";
import { namesOf } from "../certificates/names.ts";

/** How a GET of doctor's went. */
export type Asked =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly text: string;
      /** Milliseconds since the epoch, in the middle between question and answer. */
      readonly at: number;
    }
  | { readonly kind: "failure"; readonly code: string; readonly cause: string };

export interface AskOptions {
  readonly ca?: string | undefined;
  readonly insecureSkipVerify?: boolean;
  readonly authorization?: string | undefined;
  /** In place of the URL's host. */
  readonly host?: string | undefined;
  readonly method?: "GET" | "POST";
  readonly timeoutMs?: number;
}

/** Milliseconds: long enough for a slow network, short enough for an operator who waits. */
const defaultTimeoutMs = 4000;
/** Bytes; the configuration and the counters of a large Kapacitor. */
const largestAnswer = 16_777_216;

/** Asks once, over a connection of its own. Follows no redirect, uses no proxy, never rejects. */
export async function ask(url: string, options: AskOptions = {}): Promise<Asked> {
  const timeout = options.timeoutMs ?? defaultTimeoutMs;
  const agent = new Agent({
    connect: {
      timeout,
      rejectUnauthorized: options.insecureSkipVerify !== true,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    },
    maxResponseSize: largestAnswer,
  });
  const before = Date.now();
  try {
    const answer = await request(url, {
      dispatcher: agent,
      method: options.method ?? "GET",
      signal: AbortSignal.timeout(timeout),
      headers: {
        accept: "*/*",
        "user-agent": "kapgate-doctor",
        ...(options.host === undefined ? {} : { host: options.host }),
        ...(options.authorization === undefined ? {} : { authorization: options.authorization }),
      },
    });
    const at = (before + Date.now()) / 2;
    const headers = Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(", ") : (value ?? ""),
      ]),
    );
    return { kind: "answer", status: answer.statusCode, headers, text: await answer.body.text(), at };
  } catch (error) {
    return { kind: "failure", ...failureOf(error) };
  } finally {
    await agent.destroy();
  }
}

/** What listens at a host and port, as far as a handshake shows. Nothing is sent to it. */
export type Dial =
  | {
      readonly kind: "tls";
      readonly fingerprint: string;
      readonly subject: string;
      readonly names: readonly string[];
      readonly trusted: boolean;
    }
  /** It takes connections and speaks no TLS. */
  | { readonly kind: "plain" }
  | { readonly kind: "failure"; readonly code: string; readonly cause: string };

/**
 * Connects, and reads the certificate that is shown. It is not verified, because a wrong one is what doctor looks for; `trusted` says whether
 * the system's CAs would do. Never rejects.
 */
export function dial(
  host: string,
  port: number,
  servername: string = host,
  timeoutMs = defaultTimeoutMs,
): Promise<Dial> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host, port, timeout: timeoutMs });
    const timer = setTimeout(
      () => settle({ kind: "failure", code: "ETIMEDOUT", cause: "no answer in time" }),
      timeoutMs,
    );
    const settle = (outcome: Dial): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    socket.once("error", (error) => settle({ kind: "failure", ...failureOf(error) }));
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      socket.on("error", () => {});
      const secure = connectTls({
        socket,
        rejectUnauthorized: false,
        ALPNProtocols: ["http/1.1"],
        ...(/^[\d.]+$|:/.test(servername) ? {} : { servername }),
      });
      // A server that insists on a client certificate has shown its own when it breaks off.
      secure.once("error", () => {
        const certificate = secure.getPeerCertificate();
        settle(certificate?.fingerprint256 === undefined ? { kind: "plain" } : tlsOf(certificate, false));
      });
      secure.once("secureConnect", () => settle(tlsOf(secure.getPeerCertificate(), secure.authorized)));
    });
  });
}

function tlsOf(certificate: PeerCertificate, trusted: boolean): Dial {
  const { CN } = certificate.subject ?? {};
  return {
    kind: "tls",
    fingerprint: certificate.fingerprint256 ?? "",
    subject: CN === undefined ? "a certificate without a name" : `CN=${String(CN)}`,
    names: namesOf(certificate.subjectaltname),
    trusted,
  };
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ETIMEDOUT: "no answer in time",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time",
  ENOTFOUND: "the name does not resolve",
  EAI_AGAIN: "the name cannot be resolved now",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ECONNRESET: "the connection was reset",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed and not trusted",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate's CA is not trusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate's CA is not trusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate's CA is not trusted",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate does not have that name",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "it does not speak TLS",
  HPE_INVALID_CONSTANT: "it does not speak HTTP",
  UND_ERR_SOCKET: "the connection was closed without an answer",
};

function failureOf(error: unknown): { readonly code: string; readonly cause: string } {
  if (!(error instanceof Error)) return { code: "", cause: String(error) };
  if (error.name === "TimeoutError") return { code: "ETIMEDOUT", cause: "no answer in time" };
  // A host with two addresses fails with an AggregateError of both.
  const first = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const code = "code" in first && typeof first.code === "string" ? first.code : "";
  return { code, cause: words[code] ?? (first.message || code || first.name) };
}

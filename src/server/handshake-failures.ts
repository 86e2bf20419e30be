import type { Server, TLSSocket } from "node:tls";
import type { WarnSeldom } from "./seldom.ts";

/** Why a connection came to nothing before its first request, with what to do about it. */
const causes = {
  tls_plain_http:
    'plain HTTP came to the TLS port; in kapacitor.conf set subscription-protocol = "https", elsewhere use https:// in the URL',
  tls_client_rejected_certificate:
    "the client does not trust the certificate; give it the CA: ca-certs under [subscriber] in influxdb.conf, SSL_CERT_FILE for the kapacitor CLI, tls_ca in Telegraf",
  tls_no_shared_version:
    "the client offers no TLS version or cipher that [tls] allows; update the client or lower min-version",
  handshake_timeout: "the TLS handshake was not finished within handshake-timeout",
  tls_other: "the TLS handshake failed",
} as const;

export type HandshakeCause = keyof typeof causes;

/** Every cause, in the order of the contract. */
export const handshakeCauses = Object.keys(causes) as readonly HandshakeCause[];

function causeOf(code: string): HandshakeCause {
  if (code === "ERR_SSL_HTTP_REQUEST") return "tls_plain_http";
  if (code === "ERR_TLS_HANDSHAKE_TIMEOUT") return "handshake_timeout";
  if (
    /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(?:UNKNOWN|EXPIRED|REVOKED)|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)/.test(
      code,
    )
  ) {
    return "tls_client_rejected_certificate";
  }
  if (
    /UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER|ALERT_PROTOCOL_VERSION|NO_PROTOCOLS_AVAILABLE|VERSION_TOO_LOW|NO_APPLICATION_PROTOCOL/.test(
      code,
    )
  ) {
    return "tls_no_shared_version";
  }
  return "tls_other";
}

/** Logs failed handshakes with the fix, one record per cause and ten seconds, with the number of those not logged in between. */
export function logHandshakeFailures(
  server: Server,
  warn: WarnSeldom,
  onFailure: (cause: HandshakeCause) => void = () => {},
): void {
  // Before node's own listener, which leads to the end of the socket, and then its address is gone.
  server.prependListener("tlsClientError", (error: Error, socket: TLSSocket) => {
    const code = "code" in error && typeof error.code === "string" ? error.code : "";
    // A client that went away in the middle is no failure of either side.
    if (code === "ECONNRESET" && socket.bytesRead === 0) return;
    const cause = causeOf(code);
    onFailure(cause);
    warn(cause, { reason: cause, remote_address: socket.remoteAddress, code }, causes[cause]);
  });
}

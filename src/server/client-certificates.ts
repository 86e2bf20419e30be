import type { Server, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { certificateNames } from "../credentials/certificate-names.ts";
import { connectionName } from "./connection-name.ts";

/** Whose client certificates count. */
export interface ClientTrust {
  /** PEM of the authorities. */
  readonly ca: string;
  /** Whoever has none is refused. */
  readonly required: boolean;
}

/** The certificates that clients showed when they connected. */
export interface ClientCertificates {
  /** From now on handshakes are judged by this trust; to be called together with the change of the listener's context. */
  use(trust: ClientTrust | undefined): void;
  /** Learns of the connections of a server. */
  watch(server: Server): void;
  /**
   * The names of the certificate that a connection's client proved to own; undefined where there is none that was signed by the authorities
   * of `trust` and is valid now. Whatever is in doubt is none.
   */
  namesOf(socket: Socket, trust: ClientTrust | undefined): readonly string[] | undefined;
}

interface Proven {
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validTo: number;
  /** The authorities that the handshake was judged by. */
  readonly ca: string;
}

/**
 * A certificate is verified once, in the handshake, by the authorities of that time. So that an open connection does not outlive its
 * certificate or its authority, its time is looked at with every request, and the authorities are those of the running configuration.
 * @param now milliseconds since the epoch
 */
export function createClientCertificates(now: () => number = Date.now): ClientCertificates {
  /** By the name of the connection. */
  const trusts = new Map<string, string>();
  const proven = new WeakMap<TLSSocket, Proven | "none">();
  let current: ClientTrust | undefined;

  const read = (socket: TLSSocket): Proven | "none" => {
    const ca = trusts.get(connectionName(socket));
    // A resumed session of TLS 1.3 is `authorized` without any certificate, so both are asked for.
    const certificate = socket.authorized === true ? socket.getPeerX509Certificate() : undefined;
    if (ca === undefined || certificate === undefined) return "none";
    return {
      names: certificateNames(certificate),
      validFrom: certificate.validFromDate.getTime(),
      validTo: certificate.validToDate.getTime(),
      ca,
    };
  };

  return {
    use: (trust) => {
      current = trust;
    },
    watch: (server) => {
      server.on("connection", (socket: Socket) => {
        if (current === undefined) return;
        const name = connectionName(socket);
        trusts.set(name, current.ca);
        socket.once("close", () => trusts.delete(name));
      });
    },
    namesOf: (socket, trust) => {
      if (trust === undefined || !(socket instanceof TLSSocket)) return undefined;
      const found = proven.get(socket) ?? read(socket);
      proven.set(socket, found);
      if (found === "none" || found.ca !== trust.ca) return undefined;
      const time = now();
      return found.validFrom <= time && time <= found.validTo ? found.names : undefined;
    },
  };
}

import type { Socket } from "node:net";

/**
 * Names an open connection: the TCP socket that a TLS server accepts and the TLS socket that comes with a request have the same one. Both ends
 * belong to it: a client may have connections from one port to several addresses of this machine.
 */
export function connectionName({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

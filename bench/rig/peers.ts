import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hash } from "@node-rs/bcrypt";
import { cores, findCommand, freePort, type Program, startProgram } from "./programs.ts";
import type { Workshop } from "./workshop.ts";

/** Something that stands in front of Kapacitor, or Kapacitor itself, running. */
export interface Running {
  /** Where to write to. */
  readonly url: string;
  /** What its CPU time is counted of; undefined where nothing stands in front. */
  readonly program: Program | undefined;
  readonly logins: readonly string[];
}

/** A way to Kapacitor that is measured. */
export interface Peer {
  readonly name: string;
  /** The program on PATH that it needs. */
  readonly needs?: string;
  start(workshop: Workshop, upstreamPort: number): Promise<Running>;
}

const password = "correct horse battery";
export const login = loginOf("admin");

/** The Authorization value of a user; all have the same password. */
export function loginOf(user: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** A bcrypt hash of the password. */
function bcryptHash(cost = 10): Promise<string> {
  return hash(password, cost);
}

export interface KapgateOptions {
  readonly groupCommit: boolean;
  /** More lines for [http], and sections. */
  readonly http?: string;
  readonly sections?: string;
  /** How many users there are. */
  readonly users?: number;
}

/** kapgate from source, as it is by default: TLS, a bcrypt password, the access log. */
export function kapgate(name: string, options: KapgateOptions): Peer {
  return {
    name,
    start: async (workshop, upstreamPort) => {
      const port = await freePort();
      const users = Array.from({ length: options.users ?? 1 }, (_, at) => (at === 0 ? "admin" : `user${at}`));
      // Each is verified once: many users would take minutes of warming up otherwise.
      const passwordHash = await bcryptHash(users.length > 1 ? 4 : 10);
      const folder = await workshop.folder(name);
      await writeFile(
        join(folder, "kapgate.toml"),
        `[http]
bind-address = "127.0.0.1:${port}"
https-certificate = "${workshop.pem}"
${options.http ?? ""}
[admin]
bind-address = ""
[logging]
file = "${join(folder, "access.log")}"
[[kapacitor]]
url = "http://127.0.0.1:${upstreamPort}"
group-commit = ${options.groupCommit}
${users.map((user) => `[[user]]\nname = "${user}"\npassword-hash = "${passwordHash}"\nrole = "admin"\n`).join("")}${options.sections ?? ""}`,
        { mode: 0o600 },
      );
      const entry = join(import.meta.dirname, "../../dist/kapgate.js");
      const args = [entry, "-config", join(folder, "kapgate.toml")];
      const program = await startProgram({ name, command: process.execPath, args, folder, port, core: cores.gateway });
      return { url: `https://127.0.0.1:${port}`, program, logins: users.map(loginOf) };
    },
  };
}

export const bareNode: Peer = {
  name: "node https alone",
  start: async (workshop) => {
    const port = await freePort();
    const folder = await workshop.folder("node");
    const args = [join(import.meta.dirname, "node-floor.ts"), String(port), workshop.pem];
    const options = { name: "node https alone", command: process.execPath, args, folder, port, core: cores.gateway };
    return { url: `https://127.0.0.1:${port}`, program: await startProgram(options), logins: [""] };
  },
};

/** nginx with its access log, one worker, kept connections on both sides, and bodies in memory. */
export function nginx(secret: "plain" | "bcrypt"): Peer {
  const name = secret === "plain" ? "nginx, plain password" : "nginx, bcrypt";
  return {
    name,
    needs: "nginx",
    start: async (workshop, upstreamPort) => {
      const port = await freePort();
      const folder = await workshop.folder(name);
      await writeFile(
        join(folder, "users"),
        `admin:${secret === "plain" ? `{PLAIN}${password}` : await bcryptHash()}\n`,
      );
      await writeFile(
        join(folder, "nginx.conf"),
        `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 8000; }
http {
  access_log ${folder}/access.log;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ")}
  client_max_body_size 300m; client_body_buffer_size 256k;
  keepalive_timeout 600s; keepalive_requests 100000000;
  upstream kapacitor { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} ssl; ssl_certificate ${workshop.pem}; ssl_certificate_key ${workshop.pem};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {
      auth_basic kapacitor; auth_basic_user_file ${folder}/users;
      proxy_pass http://kapacitor; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Authorization "";
    }
  }
}
`,
      );
      const args = ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")];
      // Its workers change to another user, who has to get at the password file.
      execFileSync("chmod", ["-R", "a+rX", workshop.path]);
      const command = findCommand("nginx") ?? "nginx";
      const program = await startProgram({ name, command, args, folder, port, core: cores.gateway });
      return { url: `https://127.0.0.1:${port}`, program, logins: [login] };
    },
  };
}

/** HAProxy with its access log and one thread. */
export function haproxy(secret: "plain" | "bcrypt"): Peer {
  const name = secret === "plain" ? "HAProxy, plain password" : "HAProxy, bcrypt";
  return {
    name,
    needs: "haproxy",
    start: async (workshop, upstreamPort) => {
      const port = await freePort();
      const folder = await workshop.folder(name);
      const given = secret === "plain" ? `insecure-password "${password}"` : `password ${await bcryptHash()}`;
      await writeFile(
        join(folder, "haproxy.cfg"),
        `global
  maxconn 4000
  nbthread 1
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  timeout client 600s
  timeout server 60s
  timeout connect 2s
  timeout http-keep-alive 600s
userlist writers
  user admin ${given}
frontend https
  bind 127.0.0.1:${port} ssl crt ${workshop.pem} alpn http/1.1
  http-request auth realm kapacitor unless { http_auth(writers) }
  http-request del-header Authorization
  default_backend kapacitor
backend kapacitor
  http-reuse always
  server kapacitor 127.0.0.1:${upstreamPort}
`,
      );
      const args = ["-db", "-f", join(folder, "haproxy.cfg")];
      const command = findCommand("haproxy") ?? "haproxy";
      const program = await startProgram({ name, command, args, folder, port, core: cores.gateway });
      return { url: `https://127.0.0.1:${port}`, program, logins: [login] };
    },
  };
}

/** Caddy with its access log; it knows bcrypt only, and keeps what it verified. */
export const caddy: Peer = {
  name: "Caddy, bcrypt",
  needs: "caddy",
  start: async (workshop, upstreamPort) => {
    const port = await freePort();
    const folder = await workshop.folder("caddy");
    await writeFile(
      join(folder, "Caddyfile"),
      `{
  admin off
  auto_https off
  servers {
    protocols h1
  }
}
https://127.0.0.1:${port} {
  bind 127.0.0.1
  tls ${workshop.pem} ${workshop.pem}
  log {
    output file ${folder}/access.log {
      roll_disabled
    }
  }
  basicauth {
    admin ${await bcryptHash()}
  }
  reverse_proxy 127.0.0.1:${upstreamPort} {
    header_up -Authorization
  }
}
`,
    );
    const environment = { XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, HOME: folder };
    const args = ["run", "--config", join(folder, "Caddyfile"), "--adapter", "caddyfile"];
    const options = { name: "caddy", command: findCommand("caddy") ?? "caddy", args, folder, port, environment };
    const program = await startProgram({ ...options, core: cores.gateway });
    return { url: `https://127.0.0.1:${port}`, program, logins: [login] };
  },
};

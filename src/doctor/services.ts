/** How the services of the chain are handled where doctor runs: by systemd, in docker compose, in Kubernetes. */
import { existsSync } from "node:fs";

export type Surroundings = "systemd" | "compose" | "kubernetes";

export type Service = "kapgate" | "kapacitor" | "influxdb";

interface Place {
  readonly surroundings: Surroundings;
}

/** What kind of place this process runs in. A container that is none of Kubernetes' is taken for one of compose. */
export function findSurroundings(environment: Readonly<Record<string, string | undefined>>): Surroundings {
  if ((environment.KUBERNETES_SERVICE_HOST ?? "") !== "") return "kubernetes";
  return existsSync("/.dockerenv") || existsSync("/run/.containerenv") ? "compose" : "systemd";
}

/** As deploy/kubernetes names them. */
const workloads: Readonly<Record<Service, string>> = {
  kapgate: "deployment/kapacitor",
  kapacitor: "deployment/kapacitor",
  influxdb: "statefulset/influxdb",
};

export function restart({ surroundings }: Place, service: Service): string {
  switch (surroundings) {
    case "systemd":
      return `systemctl restart ${service}`;
    case "compose":
      return `docker compose restart ${service}`;
    case "kubernetes":
      return `kubectl rollout restart ${workloads[service]}`;
  }
}

export function start(place: Place, service: Service): string {
  switch (place.surroundings) {
    case "systemd":
      return `systemctl start ${service}`;
    case "compose":
      return `docker compose up -d ${service}`;
    case "kubernetes":
      return restart(place, service);
  }
}

/** Makes kapgate read its configuration, certificates and users again. */
export function reload({ surroundings }: Place): string {
  switch (surroundings) {
    case "systemd":
      return "systemctl reload kapgate        # or: kill -HUP its process";
    case "compose":
      return "docker compose kill -s HUP kapgate";
    case "kubernetes":
      return "# change the config map or the secret: kapgate takes it within a minute or two";
  }
}

export function status({ surroundings }: Place, service: Service): string {
  switch (surroundings) {
    case "systemd":
      return `systemctl status ${service}`;
    case "compose":
      return `docker compose ps ${service}`;
    case "kubernetes":
      return `kubectl describe ${workloads[service]}`;
  }
}

/** The end of a service's log, or the lines of it that hold a word. */
export function logOf({ surroundings }: Place, service: Service, word?: string): string {
  const end = word === undefined ? "" : ` | grep ${word}`;
  switch (surroundings) {
    case "systemd":
      return `journalctl -u ${service}${word === undefined ? " -n 50" : end}`;
    case "compose":
      return `docker compose logs${word === undefined ? " --tail 50" : ""} ${service}${end}`;
    case "kubernetes": {
      const container = service === "influxdb" ? "" : ` -c ${service}`;
      return `kubectl logs ${workloads[service]}${container}${word === undefined ? " --tail 50" : end}`;
    }
  }
}

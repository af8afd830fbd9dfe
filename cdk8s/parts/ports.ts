/** Of a service's container, by name: the names are those of the Service's ports as well. */
export const PORTS = {
  /** Plain HTTP and WebSocket, for the ingress controller alone. */
  ingress: 8080,
  /** HTTPS with client certificates, between services. */
  http: 8443,
  /** gRPC with client certificates. */
  rpc: 9443,
  /** Metrics, health, load. */
  side: 9090,
} as const;

/** Of one service: only what the world reaches has the first. */
export function portsOf(ingress: boolean): { name: keyof typeof PORTS; port: number }[] {
  const all = Object.entries(PORTS) as [keyof typeof PORTS, number][];
  return all.filter(([name]) => ingress || name !== 'ingress').map(([name, port]) => ({ name, port }));
}

export const POSTGRES_PORT = 5432;

export const BROKER_PORTS = {
  kafka: 9093,
  /** Between the brokers. */
  rpc: 33145,
  /** Health and administration; no policy lets a pod reach it. */
  admin: 9644,
} as const;

export const DNS_PORT = 53;

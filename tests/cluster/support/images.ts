/** What `npm run cluster:up` puts into the cluster. The two versions hold the same code. */
export const STARLING = 'ghcr.io/starling-chat/starling';
export const VERSION = '0.1.0';
export const NEXT_VERSION = '0.2.0';
/** A tag of the repository that no registry has: a pod with it cannot start. */
export const MISSING_VERSION = '0.2.1';
/** Apache Kafka and PostgreSQL behind the start commands of Redpanda's and of the official Postgres image. */
export const KAFKA_IN_PLACE_OF_REDPANDA = 'localhost/kafka-in-place-of-redpanda:4.1.0';
export const POSTGRES_IN_PLACE = 'localhost/postgres-in-place:18';

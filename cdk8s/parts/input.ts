import type { ServiceName } from '@starling/contracts/services';
import type { CompleteSpec } from '../chat-cluster/index.ts';

/** An object for the Kubernetes API, as JSON. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string; controller?: boolean; blockOwnerDeletion?: boolean }[];
  };
  [field: string]: unknown;
}

/** The images in force, each with its tag or digest. */
export interface Images {
  starling: string;
  redpanda: string;
  postgres: string;
}

/** One certificate with its private key, PEM each, and the authorities' certificates that whoever holds it trusts. */
export interface CertificateFiles {
  certificate: string;
  key: string;
  authorities: string;
}

/**
 * What is secret or random of an installation: the operator makes and keeps it; here it is only put in its place.
 */
export interface Material {
  /** Of each service: its private signing keys as its file holds them. */
  signingKeys: Record<ServiceName, string>;
  /** The public keys of all issuers, as the services' file holds them. */
  publicKeys: string;
  /** By the component that serves with it; `migrate`, of the Jobs, only calls. */
  certificates: Record<ServiceName | 'postgres' | 'redpanda' | 'migrate', CertificateFiles>;
  /** From which all passwords derive, see `passwords`. Mounted by the Jobs alone. */
  rootSecret: string;
  /** Name of the role of each service in the database. */
  databaseRoles: Record<ServiceName, string>;
  passwords: {
    /** Of the role of each service in the database, and of its user on the brokers. */
    database: Record<ServiceName, string>;
    broker: Record<ServiceName, string>;
    /** Of the administrators of the built-in database and brokers. */
    postgres: string;
    redpanda: string;
    /** What identity derives its keys from. */
    identity: string;
  };
}

/** All that the manifests of one installation follow from. */
export interface RenderInput {
  /** Of the ChatCluster. */
  name: string;
  namespace: string;
  uid: string;
  /** With every default applied. */
  spec: CompleteSpec;
  images: Images;
  /** The epoch of the log in force: status.log.epoch, 1 at first. */
  epoch: number;
  /** The topics of this epoch have been made: not to find them is to have lost the log. */
  logExpected: boolean;
  /** Sizes with which the volumes were made, if there are any yet: the templates of their claims keep them. */
  createdStorage?: { postgres?: string; redpanda?: string };
  material: Material;
  /** The namespace in which the operator and the metrics API run. */
  operatorNamespace: string;
}

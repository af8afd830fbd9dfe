import { reachIngress } from './ingress.ts';

reachIngress();

export { runStarling, type StarlingProcess, startStarlingProcess } from './starling-process.ts';
export { type StarlingServices, startStarlingServices } from './starling-services.ts';

export { type FindCode, signUpAt } from './sign-up.ts';
export { runStarling, type StarlingProcess, startStarlingProcess } from './starling-process.ts';
export { runStarlingServices, type StarlingServices, startStarlingServices } from './starling-services.ts';

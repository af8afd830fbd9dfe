export { tracePage } from './trace-page.ts';

export * from './generated/conversation_pb.js';
export * from './generated/identity_pb.js';
export * from './generated/user_pb.js';

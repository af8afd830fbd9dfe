import kafkajs from 'kafkajs';

/** By name, Node finds only the first of what kafkajs exports. */
export const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

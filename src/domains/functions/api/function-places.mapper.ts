import { toVerdictModel } from '../../clusters/api/cluster.mapper.js';
import type { FunctionPlaces } from '../function-places.service.js';
import { FunctionPlaceModel, FunctionPlacesModel } from './function-places.model.js';
import { PlacementRuleModel } from './placement-fields.model.js';

export function toFunctionPlacesModel({ rule, places, whyHere, ...rest }: FunctionPlaces): FunctionPlacesModel {
  return Object.assign(new FunctionPlacesModel(), {
    ...rest, placement: rule ? Object.assign(new PlacementRuleModel(), rule) : undefined, places: places.map((place) => Object.assign(new FunctionPlaceModel(), place)), whyHere: whyHere.map(toVerdictModel),
  });
}

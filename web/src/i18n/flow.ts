// The texts of water, heat, cooling and gas: the card of a meter, the rule, the report of readings.
import { addTexts } from '.'
import en from './flow.en.json'
import chinese from './flow.zh-CN.json'

addTexts(chinese, en)

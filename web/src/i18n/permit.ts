// The texts of the standing permissions of a gateway come with their list.
import { addTexts } from '.'
import en from './permit.en.json'
import chinese from './permit.zh-CN.json'

addTexts(chinese, en)
